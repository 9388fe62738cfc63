"""Every chart and every table, of the results that are there."""

import json
from pathlib import Path

import charts
import tables
from results import Measure

BENCHMARKS = Path(__file__).resolve().parent.parent
DOCS = BENCHMARKS.parent / "docs"


def main():
    pictures = DOCS / "performance"
    pictures.mkdir(exist_ok=True)
    page = (DOCS / "performance.md").read_text()
    for path in sorted((BENCHMARKS / "results").glob("*.json")):
        result = json.loads(path.read_text())
        page = tables.put(page, path.stem, tables.machine(result))
        for measure in Measure.all_of(result["rows"]):
            name = f"{path.stem}-{measure.slug}"
            charts.draw(measure, pictures / f"{name}.svg")
            page = tables.put(page, name, tables.of(measure))
    (DOCS / "performance.md").write_text(page)


main()
