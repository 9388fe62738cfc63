"""The same figures as tables, put between two marks of the page: `<!-- NAME -->` and `<!-- end -->`."""

from results import shown


def cell(row):
    if row is None:
        return ""
    spread = f" ({shown(row['low'])} to {shown(row['high'])})" if row["high"] > row["low"] else ""
    text = shown(row["value"]) + spread
    return f"**{text}**" if row["library"].startswith("cloakroom") else text


def of(measure):
    lines = []
    for panel in measure.panels:
        libraries = panel.libraries()
        if lines:
            lines.append("")
        if panel.title:
            lines += [f"*{panel.title}*", ""]
        lines.append(f"| {measure.unit} | " + " | ".join(libraries) + " |")
        lines.append("|---|" + "---|" * len(libraries))
        for scenario in panel.scenarios():
            cells = (cell(panel.row(scenario, library)) for library in libraries)
            lines.append(f"| {scenario} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def machine(result):
    """When and on what it was measured."""
    facts = []
    for name, value in result["machine"].items():
        if isinstance(value, dict):
            value = ", ".join(f"{key} {one}" for key, one in value.items() if not isinstance(one, dict))
        if value:
            facts.append(f"{name}: {value}")
    return f"Measured {result['measured']}. " + "; ".join(facts) + "."


def put(page, name, text):
    begin, end = f"<!-- {name} -->", "<!-- end -->"
    if begin not in page:
        return page
    head, _, rest = page.partition(begin)
    _, _, tail = rest.partition(end)
    return f"{head}{begin}\n{text}\n{end}{tail}"
