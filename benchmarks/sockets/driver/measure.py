"""Runs in turn: A B C, A B C, …"""

import sys
import time
from dataclasses import dataclass

from .load import Failed
from .rows import median
from .site import Site


@dataclass
class Sample:
    """One run."""

    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_us: float


def say(text):
    print(text, file=sys.stderr, flush=True)


def one_run(site, scenario, seconds):
    before = site.stored(scenario)
    cpu = site.process.cpu_seconds()
    counted = site.run(scenario, seconds)
    cpu = site.process.cpu_seconds() - cpu
    if before is not None and site.stored(scenario) == before:
        raise Failed("the change was not stored")
    requests = counted["requests"]
    per_second = requests / counted["seconds"]
    return Sample(per_second, counted["p50"] / 1000, counted["p99"] / 1000, cpu / requests * 1e6)


def start(group, scratch):
    sites = []
    try:
        for library in group.libraries:
            sites.append(Site(library, group, scratch))
        keepers = [site for site in sites if not site.library.is_bare]
        for site in keepers:
            began = time.monotonic()
            site.fill()
            say(f"  {site.library.name}: {len(site.cookies)} sessions made in {time.monotonic() - began:.1f} s")
        for site in sites:
            if site.library.is_bare:
                keepers[0].lend(site)
    except BaseException:
        stop(sites)
        raise
    return sites


def stop(sites):
    for site in sites:
        site.stop()


def measure(group, scratch, rounds, seconds):
    """For each scenario and library the samples, or why there are none; and each library's peak of memory in bytes."""
    sites = start(group, scratch)
    samples, failures, peaks = {}, {}, {}
    try:
        for scenario in group.scenarios:
            if scenario.cookie is None:
                # What a run of `new` adds depends on how fast it is.
                peaks = peaks_of(sites)
            going = []
            for site in sites:
                key = (scenario.name, site.library.name)
                try:
                    site.check(scenario)
                    site.run(scenario, 1)
                    samples[key] = []
                    going.append((key, site))
                except Failed as why:
                    failures[key] = str(why)
            for at in range(min(rounds, scenario.rounds or rounds)):
                for key, site in going[at % len(going):] + going[:at % len(going)]:
                    if key in failures or at >= (site.library.rounds or rounds):
                        continue
                    try:
                        samples[key].append(one_run(site, scenario, seconds))
                    except Failed as why:
                        failures[key] = str(why)
            for key, site in going:
                try:
                    site.check(scenario)
                except Failed as why:
                    failures[key] = str(why)
                show(key, samples[key], samples.get((scenario.name, sites[0].library.name)))
            for key in failures:
                samples.pop(key, None)
        return samples, failures, peaks or peaks_of(sites)
    finally:
        stop(sites)


def peaks_of(sites):
    return {site.library.name: site.process.peak_bytes() for site in sites}


def show(key, samples, bare):
    if samples and bare:
        scenario, library = key
        ratio = median([one.per_second / other.per_second for one, other in zip(samples, bare)])
        figures = (median([getattr(one, name) for one in samples]) for name in ("per_second", "p50_ms", "p99_ms", "cpu_us"))
        rate, p50, p99, cpu = figures
        busy = rate * cpu / 1e6
        say(
            f"  {scenario:20} {library:28} {ratio:6.3f} {rate:9.0f}/s  p50 {p50:8.2f} p99 {p99:8.2f} ms"
            f"  CPU {cpu:8.1f} µs, the core {busy:4.0%}"
        )
