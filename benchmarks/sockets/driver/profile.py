"""Where a server's time goes: perf's reports of each library and scenario."""

import re
import subprocess
import threading

from .measure import say, start, stop

SECONDS = 4
WIDTH = 180


def record(site, scenario, data, graph):
    load = threading.Thread(target=site.run, args=(scenario, SECONDS + 2))
    load.start()
    processes = ",".join(map(str, site.process.family()))
    command = ["perf", "record", "-q", "-F", "799", *graph, "-p", processes, "-o", data, "--", "sleep", str(SECONDS)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    load.join()


def report(data, *options):
    command = ["perf", "report", "--stdio", "--no-inline", "-i", data, *options]
    text = subprocess.run(command, check=True, capture_output=True, text=True, errors="replace").stdout
    lines = (line.rstrip()[:WIDTH] for line in text.splitlines() if not line.startswith("#"))
    return "\n".join(line for line in lines if line.strip(" |")) + "\n"


def write(group, scratch, folder):
    folder.mkdir(parents=True, exist_ok=True)
    sites = start(group, scratch)
    try:
        for scenario in group.scenarios:
            for site in (site for site in sites if not site.library.is_bare):
                name = re.sub(r"\W+", "-", f"{group.name} {scenario.name} {site.library.name}").strip("-")
                data = scratch / f"{name}.perf"
                record(site, scenario, data, [])
                flat = report(data, "--no-children", "--sort", "comm,dso,sym", "--percent-limit", "0.5")
                record(site, scenario, data, ["--call-graph", "dwarf,16384"])
                inclusive = report(data, "--children", "-g", "none", "--sort", "sym", "--percent-limit", "1")
                tree = report(data, "--no-children", "-g", "graph,1,caller", "--sort", "comm", "--percent-limit", "5")
                parts = {"alone": flat, "with what it calls": inclusive, "from above": tree}
                (folder / f"{name}.txt").write_text("".join(f"== {title}\n{text}\n" for title, text in parts.items()))
                data.unlink()
                say(f"  {name}")
    finally:
        stop(sites)
