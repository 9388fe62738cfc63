"""Measures, writes the rows, and prints what is aimed at against what was measured."""

import argparse
import datetime
import json
import shutil
import signal
import sys
import tempfile
import time
from functools import cached_property
from pathlib import Path

from . import machine, measure, profile, reach, rows
from .databases import PostgreSql, Redis
from .libraries import GROUPS
from .site import FOLDER

RESULTS = FOLDER.parent / "results" / "sockets.json"


class Servers:
    """The database servers, started when they are asked for."""

    def __init__(self, scratch):
        self.scratch = scratch

    @cached_property
    def postgres(self):
        return PostgreSql(self.scratch)

    @cached_property
    def redis(self):
        return Redis(self.scratch)

    def stop(self):
        for name in ("postgres", "redis"):
            if name in self.__dict__:
                getattr(self, name).stop()


def arguments():
    parser = argparse.ArgumentParser(prog="benchmarks/sockets/run", description=__doc__)
    names = ", ".join(GROUPS)
    parser.add_argument("--only", metavar="NAMES", help=f"engines, separated by commas: {names}")
    parser.add_argument("--libraries", metavar="NAMES", help="libraries beside bare axum, separated by commas")
    parser.add_argument("--scenarios", metavar="NAMES", help="scenarios, separated by semicolons")
    parser.add_argument("--quick", action="store_true", help="one round of two seconds; nothing is written without --output")
    parser.add_argument("--rounds", type=int, help="rounds, 5 unless told")
    parser.add_argument("--seconds", type=int, default=2, help="seconds a run, 2 unless told")
    parser.add_argument("--profile", metavar="FOLDER", type=Path, help="measures nothing, and puts perf's reports there")
    parser.add_argument("--output", type=Path, help=f"the JSON file, {RESULTS.name} among the results unless told")
    given = parser.parse_args()
    given.rounds = given.rounds or (1 if given.quick else 5)
    given.only = given.only.split(",") if given.only else list(GROUPS)
    unknown = [name for name in given.only if name not in GROUPS]
    if unknown:
        parser.error(f"unknown engine {unknown[0]}: {names}")
    if not given.output and not given.quick and not given.libraries and not given.scenarios:
        given.output = RESULTS
    return given


def chosen(group, given):
    """What of a group was asked for."""
    if given.libraries:
        wanted = given.libraries.split(",")
        wanted += [group.libraries[0].name, *(one.bare for one in group.libraries if one.name in wanted)]
        group.libraries = [one for one in group.libraries if one.name in wanted]
    if given.scenarios:
        wanted = given.scenarios.split(";")
        group.scenarios = [one for one in group.scenarios if one.name in wanted]
    return group


def before(path):
    """The rows of the engines that are not measured this time stay."""
    return json.loads(path.read_text())["rows"] if path and path.exists() else []


def main():
    given = arguments()
    # The folder of temporary files may be in memory: what is synced has to reach a disk.
    scratch = Path(tempfile.mkdtemp(prefix="sockets-", dir="/var/tmp"))
    scratch.chmod(0o755)
    servers = Servers(scratch)
    found, failures = [], []
    began = time.monotonic()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        for name in given.only:
            group = chosen(GROUPS[name](servers), given)
            if all(library.is_bare for library in group.libraries):
                continue
            measure.say(f"{group.title}:")
            if given.profile:
                profile.write(group, scratch, given.profile)
                continue
            samples, failed, peaks = measure.measure(group, scratch, given.rounds, given.seconds)
            found.append((group, rows.of_group(group, samples, peaks)))
            failures += [f"{group.title}: {library}, {scenario}: {why}" for (scenario, library), why in failed.items()]
    finally:
        servers.stop()
        shutil.rmtree(scratch, ignore_errors=True)
    if given.profile:
        return 0
    measured = [row for _, several in found for row in several]
    if given.output:
        titles = tuple(f": {group.title}" for group, _ in found)
        kept = [row for row in before(given.output) if not row["group"].endswith(titles)]
        today = datetime.datetime.now(datetime.UTC).date().isoformat()
        document = {"measured": today, "machine": machine.described(), "rows": kept + measured}
        given.output.parent.mkdir(exist_ok=True)
        given.output.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    print(reach.table(measured))
    print(f"{time.monotonic() - began:.0f} seconds")
    for failure in failures:
        print(f"failed: {failure}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
