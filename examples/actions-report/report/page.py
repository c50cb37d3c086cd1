"""The report as one HTML page, which needs nothing else to be read."""

from html import escape

from report.chart import figure
from report.table import Sums

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem;
       color: #1f2933; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: right; padding: .3rem .6rem; border-bottom: 1px solid #d9dfe4; }
th:first-child, td:first-child { text-align: left; }
svg { max-width: 100%; height: auto; }
"""


def page_of(title: str, sums: Sums, chart: str, columns: tuple[str, str]) -> str:
    """A page with the chart and every group.

    Args:
        title: of the report.
        sums: what to tell.
        chart: SVG.
        columns: what the groups are, and what was summed up.
    """
    by, summed = map(escape, columns)
    rows = "\n".join(
        f"<tr><td>{escape(group.name) or '(empty)'}</td><td>{group.rows}</td>"
        f"<td>{figure(group.sum)}</td><td>{figure(group.mean)}</td></tr>"
        for group in sums.groups
    )
    left_out = f" {sums.left_out} rows had no number and were left out." if sums.left_out else ""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>{escape(title)}</h1>
<p>{sums.rows} rows in {len(sums.groups)} groups; together {figure(sums.total)}.{left_out}</p>
{chart}
<table>
<thead><tr><th>{by}</th><th>rows</th><th>{summed}</th><th>mean</th></tr></thead>
<tbody>
{rows}
</tbody>
</table>
</body>
</html>
"""
