"""How commands show what they found: for people by default, as JSON with `--json`."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.plain_text import plain
from schema.money import format_micros


@dataclass
class Output:
    """Writes results to stdout and everything else to stderr."""

    as_json: bool = False

    def __post_init__(self) -> None:
        self.console = Console(highlight=False)
        if not self.console.is_terminal:
            # Whoever reads a pipe wants whole ids, not a terminal's worth of them.
            self.console.width = 400
        self.notes = Console(stderr=True, highlight=False)

    def document(self, document: Any, text: str) -> None:
        """A result: the document for programs, the text for people."""
        if self.as_json:
            # At once: a command that goes on to wait has told what for.
            print(json.dumps(document, ensure_ascii=False), flush=True)
        else:
            self.console.print(plain(text), markup=False, soft_wrap=True)

    def table(self, document: Any, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """A list of things."""
        if self.as_json:
            print(json.dumps(document, ensure_ascii=False))
            return
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in columns:
            table.add_column(column, overflow="fold")
        for row in rows:
            # As it is: what somebody else wrote must not be read as markup.
            table.add_row(*(Text(plain(str(cell))) for cell in row))
        self.console.print(table)

    def note(self, text: str) -> None:
        """Something to know on the way; silent with `--json`."""
        if not self.as_json:
            self.notes.print(plain(text), markup=False, soft_wrap=True)


def money(amount: dict[str, Any]) -> str:
    """A money document as text."""
    return format_micros(amount["micros"], amount["currency"])


def json_first(arguments: list[str]) -> tuple[list[str], bool]:
    """`--json` before the command, wherever it was typed; what follows `--` is left alone."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    options, rest = arguments[:end], arguments[end:]
    if "--json" not in options:
        return arguments, False
    return ["--json", *(item for item in options if item != "--json"), *rest], True
