"""Where a server's time goes: perf's reports of each library and scenario."""

import re
import subprocess
import threading

from .measure import say, start, stop

SECONDS = 4
WIDTH = 180

# Whose work a symbol is: the first that fits its shared object and its name.
PARTS = [
    ("kernel", r"\[kernel|\[guest", r""),
    ("clock", r"vdso", r""),
    ("allocator", r"libc", r"malloc|free|realloc|calloc|unlink_chunk|consolidate|brk|sysmalloc|systrim"),
    ("copying, comparing", r"libc", r"mem(move|cpy|cmp|set|chr)"),
    ("C library", r"libc|ld-linux", r""),
    ("hashes, base64", r"", r"\bsha[12]\b|\bhmac\b|\bdigest\b|base64"),
    ("cloakroom", r"", r"^<?&?(mut )?cloakroom::|as cloakroom::"),
    ("sqlx", r"", r"\bsqlx|\bdeadpool"),
    ("redis", r"", r"\bredis::|\bcombine::|fred::"),
    ("SQLite", r"", r"rusqlite|^(sqlite3|wal|pager|pcache|btree|unix|vdbe|getPage|balance|moveTo|insertCell|dropCell|readDb)"),
    ("hyper, axum", r"", r"hyper|\bhttp|axum|tower|matchit"),
    ("tokio", r"", r"tokio|\bmio::"),
]


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


def parts(data):
    """The share of each part, of the samples of all the server's processes."""
    shares = {}
    for line in report(data, "--no-children", "-g", "none", "--sort", "dso,sym").splitlines():
        found = re.match(r"\s*([\d.]+)%\s+(\S+)\s+\[.\]\s+(.*)", line)
        if found:
            share, where, symbol = float(found[1]), found[2], found[3]
            fits = (name for name, dso, pattern in PARTS if re.search(dso, where) and re.search(pattern, symbol))
            part = next(fits, "others")
            shares[part] = shares.get(part, 0) + share
    lines = sorted(shares.items(), key=lambda item: -item[1])
    return "".join(f"{share:9.1f}%  {part}\n" for part, share in lines)


def write(group, scratch, folder):
    folder.mkdir(parents=True, exist_ok=True)
    sites = start(group, scratch)
    try:
        for scenario in group.scenarios:
            for site in sites:
                name = re.sub(r"\W+", "-", f"{group.name} {scenario.name} {site.library.name}").strip("-")
                data = scratch / f"{name}.perf"
                record(site, scenario, data, [])
                whose = parts(data)
                flat = report(data, "--no-children", "--sort", "comm,dso,sym", "--percent-limit", "0.5")
                record(site, scenario, data, ["--call-graph", "dwarf,16384"])
                inclusive = report(data, "--children", "-g", "none", "--sort", "sym", "--percent-limit", "1")
                tree = report(data, "--no-children", "-g", "graph,1,caller", "--sort", "comm", "--percent-limit", "5")
                texts = {"whose": whose, "alone": flat, "with what it calls": inclusive, "from above": tree}
                (folder / f"{name}.txt").write_text("".join(f"== {title}\n{text}\n" for title, text in texts.items()))
                data.unlink()
                say(f"  {name}")
    finally:
        stop(sites)
