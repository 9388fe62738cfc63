"""Runs the programs of this folder and reads their figures."""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", FOLDER / "target")).resolve() / "release"
REQUESTS = 1_000

LIBRARIES = ["tower-sessions", "cloakroom"]
# Scenario and members of the stored session. `around`: the layer stands around the router, not inside it.
SCENARIOS = [
    ("nocookie", 5),
    ("untouched", 5),
    ("around-untouched", 5),
    ("read", 5),
    ("change", 5),
    ("new", 5),
    ("read", 40),
    ("change", 40),
]
BARE = [("bare", "making"), ("bare", "untouched"), ("nothing", "untouched"), ("nothing", "around-untouched")]


def said(*command):
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None


def build():
    subprocess.run(["cargo", "build", "--release", "--locked", "--quiet"], cwd=FOLDER, check=True)


def toolchain():
    """What the figures depend on beside the code; `None` for valgrind where there is none."""
    host = re.search(r"host: (.*)", said("rustc", "-vV") or "")
    valgrind = said("valgrind", "--version")
    return {
        "rustc": (said("rustc", "--version") or "").strip(),
        "valgrind": valgrind and valgrind.strip(),
        "target": host and host[1],
        "libc": (said("ldd", "--version") or "").split("\n")[0],
    }


def instructions(library, scenario, members):
    """Instructions a request, from its making to its answer."""
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "out"
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", "--toggle-collect=*counting*"]
        # The environment is on the stack and moves it: the same one each time.
        done = subprocess.run(
            [*command, TARGET / "requests", "count", library, scenario, str(members)],
            capture_output=True, text=True, env={"PATH": os.environ["PATH"]},
        )
        if done.returncode:
            sys.exit(f"valgrind: {done.stderr[-2_000:]}")
        total = re.search(r"^totals: (\d+)", out.read_text(), re.MULTILINE)
    return int(total[1]) // REQUESTS


def allocations(library, scenario, members):
    """Allocations a request: how many, and their bytes."""
    done = subprocess.run(
        [TARGET / "allocations", library, scenario, str(members)], check=True, capture_output=True, text=True
    )
    number, size = done.stdout.split()
    return float(number), float(size)


def samples(*command):
    done = subprocess.run([TARGET / command[0], *command[1:]], check=True, capture_output=True, text=True)
    return done.stdout


def dump(path, value):
    path.parent.mkdir(exist_ok=True)
    lines = [f"    {json.dumps(row, ensure_ascii=False)}" for row in value.pop("rows")]
    head = json.dumps(value, ensure_ascii=False, indent=2)[:-2]
    path.write_text(f'{head},\n  "rows": [\n' + ",\n".join(lines) + "\n  ]\n}\n")
