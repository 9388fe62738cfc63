"""Bars side by side, as SVG."""

import matplotlib

matplotlib.use("svg")

from matplotlib import pyplot
from results import shown

OURS, LIMIT = "#0b6e4f", "#c9ced6"
OTHERS = ["#6b7280", "#8f97a3", "#a9b0bb", "#585f6b", "#b9bfc8"]
BAR = 0.16
PLAIN = {"bare axum", "bare actix-web", "bare", "nothing"}

pyplot.rcParams.update({
    "font.family": "sans-serif", "font.size": 8.5, "svg.hashsalt": "cloakroom",
    "axes.spines.top": False, "axes.spines.right": False, "axes.spines.left": False,
})


def colour(library, libraries):
    if library.startswith("cloakroom"):
        return OURS
    if library in PLAIN:
        return LIMIT
    others = [one for one in libraries if one not in PLAIN and not one.startswith("cloakroom")]
    return OTHERS[others.index(library) % len(OTHERS)]


def height_of(panel):
    bars = len(panel.rows) + len(panel.scenarios())
    return 0.35 + bars * BAR


def panel_on(axes, panel, unit, title):
    at, ticks = 0, []
    libraries = panel.libraries()
    values = [row["value"] for row in panel.rows if row["value"] > 0]
    logarithmic = bool(values) and max(values) > 40 * min(values)
    longest = max(row["high"] for row in panel.rows) or 1
    for scenario in panel.scenarios():
        first = at
        for library in libraries:
            row = panel.row(scenario, library)
            if row is None:
                continue
            axes.barh(at, row["value"], height=0.82, color=colour(library, libraries))
            if row["high"] > row["low"]:
                axes.plot([row["low"], row["high"]], [at, at], color="#111827", linewidth=0.8)
            end = max(row["high"], row["value"])
            place = end * 1.08 if logarithmic else end + longest * 0.01
            bold = "bold" if library.startswith("cloakroom") else "normal"
            axes.text(place, at, f"{library}  {shown(row['value'])}", va="center", fontsize=7.5, fontweight=bold)
            at += 1
        ticks.append(((first + at - 1) / 2, scenario))
        at += 1
    if logarithmic:
        axes.set_xscale("log")
        axes.set_xlim(min(values) / 2, longest * 30)
    else:
        axes.set_xlim(0, longest * 1.45)
    axes.set_yticks([place for place, _ in ticks], [name for _, name in ticks])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(at - 0.5, -1)
    axes.set_xlabel(unit + (", logarithmic" if logarithmic else ""), fontsize=7.5)
    if title:
        axes.set_title(title, loc="left", fontsize=9, fontweight="bold")


def draw(measure, path):
    heights = [height_of(panel) for panel in measure.panels]
    figure, grid = pyplot.subplots(
        len(measure.panels), 1, figsize=(8.4, sum(heights) + 0.75 * len(heights) + 0.4), squeeze=False,
        height_ratios=heights, layout="constrained",
    )
    figure.suptitle(f"{measure.title} ({measure.unit})", x=0.01, ha="left", fontsize=11, fontweight="bold")
    for axes, panel in zip(grid[:, 0], measure.panels):
        panel_on(axes, panel, measure.unit, panel.title)
    # White behind it, so that it can be read on a dark page too.
    figure.savefig(path, facecolor="white", metadata={"Date": None})
    pyplot.close(figure)
