"""What is aimed at, against what was measured."""

from .libraries import CLOAKROOM, DJANGO, TOWER
from .rows import CPU, P99, RATE, RATIO, find

# Title of the group, scenario, at least this ratio to bare axum.
RATIOS = [
    ("memory", "untouched", 0.93),
    ("memory", "read", 0.80),
    ("memory", "read, one session", 0.80),
    ("memory", "change", 0.70),
    ("memory", "change, one session", 0.70),
    ("memory", "new", 0.60),
    ("signed cookies", "read", 0.72),
    ("signed cookies", "change", 0.60),
    ("Redis", "read", 0.55),
    ("Redis", "change", 0.45),
    ("SQLite", "read", 0.45),
    ("SQLite", "change", 0.33),
]
TIMES_TOWER = [("PostgreSQL", "read", 1.5), ("PostgreSQL", "change", 2.0)]
TIMES_DJANGO = 30
SLOWEST_MS = 25


def quotient(above, below):
    return above / below if above is not None and below else None


def lines(rows):
    """What, the aim, what was measured, whether that reaches it."""
    for title, scenario, aim in RATIOS:
        found = find(rows, RATIO, title, scenario, CLOAKROOM)
        yield f"{title}: {scenario}, ratio to bare axum", f"≥ {aim:.2f}", found, found is not None and found >= aim
    found = find(rows, P99, "SQLite", "change", CLOAKROOM)
    yield "SQLite: change, p99 in ms", f"≤ {SLOWEST_MS}", found, found is not None and found <= SLOWEST_MS
    for title, scenario, aim in TIMES_TOWER:
        found = quotient(*(find(rows, RATE, title, scenario, library) for library in (CLOAKROOM, TOWER)))
        yield f"{title}: {scenario}, times tower-sessions", f"≥ {aim:.1f}", found, found is not None and found >= aim
    for title in ("signed cookies", "Redis", "SQLite", "PostgreSQL", "PostgreSQL behind Redis"):
        for scenario in ("read", "change", "new"):
            found = quotient(*(find(rows, CPU, title, scenario, library) for library in (DJANGO, CLOAKROOM)))
            aim = f"≥ {TIMES_DJANGO}"
            yield f"{title}: {scenario}, CPU time of Django over ours", aim, found, found is not None and found >= TIMES_DJANGO


def table(rows):
    """Of what was measured."""
    text = [f"{'':64} {'aim':>8} {'measured':>10}"]
    for what, aim, found, reached in lines(rows):
        if found is not None:
            text.append(f"{what:64} {aim:>8} {found:>10.2f}{'' if reached else '  not reached'}")
    return "\n".join(text)
