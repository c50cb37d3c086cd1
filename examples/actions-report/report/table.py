"""From CSV text to sums by group."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation


class TableError(Exception):
    """The table is not one that can be summed up; the message says why."""


@dataclass(frozen=True)
class Group:
    """The rows that have the same value in the column of groups."""

    name: str
    rows: int
    sum: Decimal

    @property
    def mean(self) -> Decimal:
        """What a row has on average."""
        return self.sum / self.rows


@dataclass(frozen=True)
class Sums:
    """All groups, the largest sum first."""

    groups: list[Group]
    left_out: int

    @property
    def rows(self) -> int:
        """How many rows were summed up."""
        return sum(group.rows for group in self.groups)

    @property
    def total(self) -> Decimal:
        """Of all rows."""
        return sum((group.sum for group in self.groups), Decimal())


def sums_of(text: str, by: str, summed: str) -> Sums:
    """Sum up one column by the values of another; rows without a number are counted, and left out.

    Raises:
        TableError: a column is not there, or no row has a number.
    """
    found: dict[str, list[Decimal]] = {}
    left_out = 0
    for name, number in _rows(text, by, summed):
        if number is None:
            left_out += 1
        else:
            found.setdefault(name, []).append(number)
    if not found:
        raise TableError(f"no row has a number in {summed!r}")
    groups = [Group(name, len(numbers), sum(numbers, Decimal())) for name, numbers in found.items()]
    return Sums(sorted(groups, key=lambda group: (-group.sum, group.name)), left_out)


def _rows(text: str, by: str, summed: str) -> Iterator[tuple[str, Decimal | None]]:
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    try:
        for column in (by, summed):
            if column not in (reader.fieldnames or []):
                raise TableError(f"there is no column {column!r}")
        for row in reader:
            yield (row[by] or "").strip(), _number(row[summed])
    except csv.Error as error:
        raise TableError(f"line {reader.line_num}: {error}") from error


def _number(text: str | None) -> Decimal | None:
    try:
        number = Decimal((text or "").strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number.adjusted()) < 15 else None
