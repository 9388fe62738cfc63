"""The machine, and the versions of everything."""

import os
import platform
import re
import subprocess
from pathlib import Path

from .site import FOLDER

CRATES = {
    "cloakroom-server": ["axum", "cloakroom", "hyper", "redis", "rusqlite", "sqlx", "tokio"],
    "tower-sessions-server": ["axum", "tower-sessions"],
    "stores-server": ["fred", "sqlx", "tower-sessions", "tower-sessions-redis-store", "tower-sessions-sqlx-store"],
    "actix-server": ["actix-session", "actix-web", "redis"],
}


def said(*command, pattern=r"\d+(\.\d+)+"):
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except OSError:
        return None
    found = re.search(pattern, done.stdout + done.stderr)
    return found and found[0]


def locked(crate):
    """From the lock file: what was built."""
    lock = FOLDER / crate / "Cargo.lock"
    if not lock.exists():
        return {}
    packages = re.findall(r'name = "([^"]+)"\nversion = "([^"]+)"', lock.read_text())
    return {name: version for name, version in packages if name in CRATES[crate]}


def cpu():
    found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return found[1] if found else platform.machine()


def postgresql():
    newest = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[4]))
    return said(str(newest[-1]) if newest else "postgres", "--version")


def described():
    python = FOLDER / ".venv/bin/python"
    packages = "import importlib.metadata as m; print('\\n'.join(f'{d.name}=={d.version}' for d in m.distributions()))"
    listed = subprocess.run([python, "-c", packages], capture_output=True, text=True).stdout if python.exists() else ""
    sqlite = "import sqlite3; print(sqlite3.sqlite_version)"
    return {
        "cpu": cpu(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "rustc": said("rustc", "--version"),
        "wrk": said("wrk", "-v"),
        "postgresql": postgresql(),
        "redis": said("redis-server", "--version"),
        "python": said(str(python), "--version"),
        "sqlite_of_python": said(str(python), "-c", sqlite),
        "crates": {crate: locked(crate) for crate in CRATES},
        "packages": dict(sorted(line.split("==") for line in listed.split() if not line.startswith(("pip==", "setuptools==")))),
    }
