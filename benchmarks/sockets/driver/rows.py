"""From samples to rows: chart = `group`, cluster = `scenario`, bar = `library`."""

import statistics

median = statistics.median
RATIO = "requests a second, ratio to bare axum"
RATE = "requests a second"
P50, P99 = "latency, half of the requests", "latency, 99 % of the requests"
CPU = "CPU time a request"
MEMORY = "peak memory"
MEASURES = {
    RATE: ("1/s", "per_second", 0),
    P50: ("ms", "p50_ms", 3),
    P99: ("ms", "p99_ms", 3),
    CPU: ("µs", "cpu_us", 2),
}


def row(measure, title, scenario, library, unit, values, digits):
    low, middle, high = (round(value, digits) for value in (min(values), median(values), max(values)))
    name = f"{measure}: {title}"
    return {"group": name, "scenario": scenario, "library": library, "unit": unit, "value": middle, "low": low, "high": high}


def ratios(samples, others):
    """Of the same round: what the machine did meanwhile, it did to both."""
    return [one.per_second / other.per_second for one, other in zip(samples, others)]


def of_group(group, samples, peaks):
    rows = []
    for (scenario, library), taken in samples.items():
        for measure, (unit, name, digits) in MEASURES.items():
            values = [getattr(sample, name) for sample in taken]
            rows.append(row(measure, group.title, scenario, library, unit, values, digits))
        bare = group.libraries[0].name
        if library != bare:
            values = ratios(taken, samples[(scenario, bare)])
            rows.append(row(RATIO, group.title, scenario, library, "ratio", values, 3))
        own = next(one.bare for one in group.libraries if one.name == library)
        if own:
            values = ratios(taken, samples[(scenario, own)])
            rows.append(row(RATIO, group.title, scenario, f"{library}, to bare {own}", "ratio", values, 3))
    for library, peak in peaks.items():
        rows.append(row(MEMORY, group.title, "before `new`", library, "MB", [peak / 1e6], 1))
    return rows


def find(rows, measure, title, scenario, library):
    """The median of a row, if it is there."""
    wanted = (f"{measure}: {title}", scenario, library)
    return next((one["value"] for one in rows if (one["group"], one["scenario"], one["library"]) == wanted), None)
