"""A spell's progress report as one line for a terminal."""

from typing import Any

from rich.markup import escape

_BAR_CHARACTERS = 24
_NOTE_CHARACTERS = 60


def progress_text(report: dict[str, Any]) -> str:
    """A bar where the report has `done` and `total`, and its `note`; strangers wrote all of it."""
    parts = [_bar(report.get("done"), report.get("total")), _note(report.get("note"))]
    return "  ".join(part for part in parts if part) or "progress …"


def _bar(done: object, total: object) -> str:
    if not isinstance(done, int | float) or not isinstance(total, int | float) or total <= 0:
        return ""
    share = min(max(done / total, 0.0), 1.0)
    filled = round(share * _BAR_CHARACTERS)
    return f"{'━' * filled}{'╌' * (_BAR_CHARACTERS - filled)} {share:4.0%}"


def _note(note: object) -> str:
    if not isinstance(note, str):
        return ""
    return escape("".join(c for c in note if c.isprintable())[:_NOTE_CHARACTERS])
