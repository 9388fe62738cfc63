"""Processes on one core each, and what they take."""

import os
import signal
import subprocess
import time
from pathlib import Path

# The server under load has a core of its own; wrk and the database servers share the other one.
SERVER_CORE = 0
OTHER_CORE = 1
TICKS = os.sysconf("SC_CLK_TCK")


def wait_until(ready, what, log=None, seconds=60):
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise RuntimeError(f"{what} does not answer: {log.read_text() if log else ''}")
        time.sleep(0.02)


class Process:
    """A child, and the children it has."""

    def __init__(self, command, core, log, environment=None, folder=None, **user):
        self.log = Path(log)
        with open(self.log, "ab") as output:
            self.child = subprocess.Popen(
                ["taskset", "-c", str(core), *map(str, command)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **(environment or {})},
                cwd=folder,
                **user,
            )

    def family(self):
        parents = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    # "123 (a name) S 45 …": 45 is the parent.
                    fields = (entry / "stat").read_text().rpartition(")")[2].split()
                except OSError:
                    continue
                parents.setdefault(int(fields[1]), []).append(int(entry.name))
        found = [self.child.pid]
        for process in found:
            found.extend(parents.get(process, []))
        return found

    def cpu_seconds(self):
        """Of all its threads and of its children, those that have ended included."""
        total = 0
        for process in self.family():
            try:
                fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            total += sum(map(int, fields[11:15]))
        return total / TICKS

    def peak_bytes(self):
        """The sum of the greatest resident sizes."""
        total = 0
        for process in self.family():
            for line in Path(f"/proc/{process}/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    total += int(line.split()[1]) * 1024
        return total

    def has_ended(self):
        return self.child.poll() is not None

    def stop(self, by=signal.SIGTERM):
        if not self.has_ended():
            self.child.send_signal(by)
        try:
            self.child.wait(20)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
