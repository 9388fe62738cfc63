"""A server under load."""

import os
from pathlib import Path

from .databases import free_port
from .load import Failed, Visitor, fill, wrk
from .process import SERVER_CORE, Process, wait_until

FOLDER = Path(__file__).resolve().parent.parent


def program(crate):
    """Where cargo puts it."""
    target = os.environ.get("CARGO_TARGET_DIR") or FOLDER / crate / "target"
    return Path(target).resolve() / "release" / crate


def command(library, port):
    if library.crate != "django":
        return [program(library.crate), port, *library.arguments], None
    # One worker, since the server has one core.
    gunicorn = [FOLDER / ".venv/bin/gunicorn", "site_under_load.wsgi", "--workers=1", "--worker-class=sync"]
    return [*gunicorn, f"--bind=127.0.0.1:{port}", "--log-level=error"], FOLDER / "django"


class Site:
    """A library's server, with its sessions."""

    def __init__(self, library, group, scratch):
        self.library, self.group = library, group
        self.port = free_port()
        self.log = scratch / f"{group.name}-{library.name}.log"
        arguments, folder = command(library, self.port)
        if library.crate == "django":
            self.prepare(arguments[0].parent / "python", folder)
        self.process = Process(arguments, SERVER_CORE, self.log, library.environment, folder)
        wait_until(self.is_up, library.name, self.log)
        self.file = scratch / f"{group.name}-{library.name}.cookies"
        self.cookies = []

    def prepare(self, python, folder):
        if "DATABASE_URL" in self.library.environment:
            migration = Process([python, "manage.py", "migrate", "-v0"], SERVER_CORE, self.log, self.library.environment, folder)
            if migration.child.wait():
                raise RuntimeError(self.log.read_text())

    def is_up(self):
        if self.process.has_ended():
            raise RuntimeError(f"{self.library.name} has ended: {self.log.read_text()}")
        try:
            return Visitor(self.port).visit("/untouched")
        except OSError:
            return False

    def fill(self):
        self.cookies = fill(self.port, 1 if self.group.in_cookie else self.library.pool)
        self.file.write_text("".join(f"{cookie}\n" for cookie in self.cookies))

    def lend(self, other):
        """The bare server gets the cookies of one with sessions."""
        other.cookies, other.file = self.cookies, self.file

    def run(self, scenario, seconds):
        cookies = {"one": {"cookie": self.cookies[0]}, "pool": {"cookies": self.file}, None: {}}[scenario.cookie]
        return wrk(self.port, scenario.route, seconds, **cookies)

    def check(self, scenario):
        """That the route does what it is for, as one visitor sees it."""
        if self.library.is_bare or scenario.route == "/untouched":
            return
        visitor = Visitor(self.port)
        cookie = self.cookies[0] if scenario.cookie else None
        _, set_cookie = visitor.visit(scenario.route, cookie)
        if scenario.route == "/read":
            if Visitor(self.port).visit("/stored", cookie)[0] == "":
                raise Failed("the session is not there")
            return
        following = set_cookie if self.group.in_cookie or not cookie else cookie
        if not following or not visitor.visit("/stored", following)[0].isdigit():
            raise Failed(f"{scenario.route} stored nothing")

    def stored(self, scenario):
        """What `/change` changes, in one of the sessions that the load begins with: wrk skips the very first."""
        if self.library.is_bare or self.group.in_cookie or scenario.route != "/change":
            return None
        cookie = self.cookies[10 if scenario.cookie == "pool" else 0]
        return Visitor(self.port).visit("/stored", cookie)[0]

    def stop(self):
        self.process.stop()
