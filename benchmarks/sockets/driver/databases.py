"""PostgreSQL and Redis with their own defaults, in a folder that goes with them."""

import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess

from .process import OTHER_CORE, Process, wait_until

PASSWORD = "sockets"


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def owner(*names):
    """The first of these users that there is, for root must not be one."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    return next(known[name] for name in (*names, "nobody") if name in known)


def as_user(entry):
    return {} if entry is None else {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def own(path, entry):
    if entry is not None:
        os.chown(path, entry.pw_uid, entry.pw_gid)
    return path


class PostgreSql:
    def __init__(self, scratch):
        newest = sorted(glob.glob("/usr/lib/postgresql/*/bin/"), key=lambda path: int(path.split("/")[4]))
        search = os.pathsep.join([*reversed(newest), os.environ["PATH"]])
        self.initdb, self.postgres, self.psql = (shutil.which(name, path=search) for name in ("initdb", "postgres", "psql"))
        if not (self.initdb and self.postgres and self.psql):
            raise RuntimeError("PostgreSQL is not installed: apt-get install postgresql")
        user = owner("postgres")
        folder = scratch / "postgresql"
        folder.mkdir()
        own(folder, user)
        data, password = folder / "data", folder / "password"
        password.write_text(PASSWORD)
        own(password, user)
        command = [self.initdb, "--username=site", "--encoding=UTF8", "--locale=C.UTF-8", "--auth=scram-sha-256"]
        command += [f"--pwfile={password}", f"--pgdata={data}"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder, **as_user(user))
        self.port = free_port()
        command = [self.postgres, "-D", data, "-p", self.port, "-h", "127.0.0.1", "-k", folder]
        self.process = Process(command, OTHER_CORE, folder / "log", folder=folder, **as_user(user))
        wait_until(lambda: self.sql("SELECT 1", check=False), "PostgreSQL", self.process.log)

    def sql(self, statement, database="postgres", check=True):
        command = [self.psql, f"postgres://site:{PASSWORD}@127.0.0.1:{self.port}/{database}", "-XqAtc", statement]
        done = subprocess.run(command, check=check, capture_output=not check, text=True)
        return done.returncode == 0

    def url(self, database):
        """A new, empty database."""
        self.sql(f"CREATE DATABASE {database}")
        return f"postgres://site:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def stop(self):
        self.process.stop(signal.SIGINT)


class Redis:
    def __init__(self, scratch):
        server = shutil.which("redis-server")
        if not server:
            raise RuntimeError("Redis is not installed: apt-get install redis-server")
        user = owner("redis")
        folder = scratch / "redis"
        folder.mkdir()
        own(folder, user)
        self.port = free_port()
        command = [server, "--port", self.port, "--bind", "127.0.0.1", "--dir", folder]
        self.process = Process(command, OTHER_CORE, folder / "log", folder=folder, **as_user(user))
        wait_until(self.ask, "Redis", self.process.log)
        self.databases = {}

    def ask(self, command=b"PING"):
        try:
            with socket.create_connection(("127.0.0.1", self.port)) as connection:
                connection.sendall(command + b"\r\n")
                return connection.recv(64).startswith((b"+PONG", b"+OK"))
        except OSError:
            return False

    def url(self, name):
        """A database of its own, empty."""
        number = self.databases.setdefault(name, len(self.databases))
        return f"redis://127.0.0.1:{self.port}/{number}"

    def clear(self):
        self.ask(b"FLUSHALL")

    def stop(self):
        self.process.stop()
