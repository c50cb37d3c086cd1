"""From the text of a table to numbers by group."""

import csv
import io
import math
from collections import defaultdict
from dataclasses import dataclass
from datetime import date

Row = dict[str, str]


class RefusedTableError(Exception):
    """The table or a cell of it is not what the request says; a sentence for the caster."""


@dataclass(frozen=True)
class Point:
    """One row's value and, if there is one, what it is a function of."""

    value: float
    over: float


def read_rows(text: str, delimiter: str) -> list[Row]:
    """The rows below the header."""
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        rows = list(reader)
    except csv.Error as error:
        raise RefusedTableError(f"Line {reader.line_num} is not CSV: {error}.") from error
    for number, row in enumerate(rows, start=1):
        if None in row or None in row.values():
            raise RefusedTableError(f"Row {number} has another number of fields than the header.")
    return rows


def groups_of(
    rows: list[Row], group_by: str | None, value: str, over: str | None
) -> dict[str | None, list[Point]]:
    """The points of each group; rows with an empty cell are left out."""
    for column in filter(None, (group_by, value, over)):
        if rows and column not in rows[0]:
            raise RefusedTableError(f"The table has no column {column!r}.")
    groups = defaultdict(list)
    for number, row in enumerate(rows, start=1):
        cells = [row[value], row[over] if over else "0"]
        if all(cells):
            point = Point(*(_number(cell, number) for cell in cells))
            groups[row[group_by] if group_by else None].append(point)
    return groups


def _number(cell: str, row: int) -> float:
    """A number, or a day as its number since the first of January of the year 1."""
    try:
        number = float(cell)
    except ValueError:
        try:
            return date.fromisoformat(cell).toordinal()
        except ValueError:
            pass
    else:
        if math.isfinite(number):
            return number
    raise RefusedTableError(f"Row {row} has {cell[:40]!r} where a number or a day should be.")
