"""The rows of a result, sorted into charts: a group is `MEASURE` or `MEASURE: PLACE`, and a chart has a panel a place."""

import re
from dataclasses import dataclass


@dataclass
class Panel:
    title: str
    rows: list

    def scenarios(self):
        return list(dict.fromkeys(row["scenario"] for row in self.rows))

    def libraries(self):
        return list(dict.fromkeys(row["library"] for row in self.rows))

    def row(self, scenario, library):
        return next((row for row in self.rows if (row["scenario"], row["library"]) == (scenario, library)), None)


@dataclass
class Measure:
    title: str
    panels: list

    @property
    def slug(self):
        return re.sub(r"[^a-z0-9]+", "-", self.title.lower()).strip("-")

    @property
    def unit(self):
        return self.panels[0].rows[0]["unit"]

    @staticmethod
    def all_of(rows):
        found = {}
        for row in rows:
            title, _, place = row["group"].partition(": ")
            found.setdefault(title, {}).setdefault(place, []).append(row)
        return [
            Measure(title, [Panel(place, rows) for place, rows in places.items()]) for title, places in found.items()
        ]


def shown(value):
    """Three digits that count."""
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
