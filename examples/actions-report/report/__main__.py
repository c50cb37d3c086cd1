"""What a cast runs: `python3 -m report out`. Gets the inputs, writes everything into a folder."""

import csv
import json
import os
import sys
import urllib.request
from pathlib import Path
from typing import Any

from report.chart import chart_of
from report.page import page_of
from report.table import Sums, TableError, sums_of

_BARS = 12
_SECONDS_MAX = 60


def main(folder: Path) -> None:
    """Write output.json, the page, and the folder `data` with chart and table."""
    inputs = _inputs()
    by, summed = inputs["by"], inputs["sum"]
    try:
        sums = sums_of(inputs["csv"], by, summed)
    except TableError as error:
        sys.exit(f"The table cannot be summed up: {error}.")
    title = inputs.get("title", f"{summed} by {by}")
    chart = chart_of(title, sums.groups[: inputs.get("bars", _BARS)])
    (folder / "data").mkdir(parents=True, exist_ok=True)
    (folder / "output.json").write_text(json.dumps(_output(title, sums)), "utf-8")
    (folder / "report.html").write_text(page_of(title, sums, chart, (by, summed)), "utf-8")
    (folder / "data" / "chart.svg").write_text(chart, "utf-8")
    _write_table(folder / "data" / "groups.csv", sums, (by, summed))


def _inputs() -> dict[str, Any]:
    """The address gives them once. They fit schema.json: the platform has looked."""
    with urllib.request.urlopen(os.environ["INPUTS_URL"], timeout=_SECONDS_MAX) as answer:
        inputs: dict[str, Any] = json.load(answer)
    return inputs


def _output(title: str, sums: Sums) -> dict[str, Any]:
    return {
        "title": title,
        "rows": sums.rows,
        "left_out": sums.left_out,
        "total": float(sums.total),
        "groups": [
            {
                "name": group.name,
                "rows": group.rows,
                "sum": float(group.sum),
                "mean": float(round(group.mean, 6)),
            }
            for group in sums.groups
        ],
    }


def _write_table(path: Path, sums: Sums, columns: tuple[str, str]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([columns[0], "rows", columns[1]])
        writer.writerows([group.name, group.rows, group.sum] for group in sums.groups)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
