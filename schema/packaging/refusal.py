"""How a package is refused: the cause and the remedy in words, the entry and offset as data."""

from schema.errors import SpellError

ENTRY_CHARS_MAX = 256


def package_invalid(
    message: str, *, entry: str | None = None, offset: int | None = None
) -> SpellError:
    """The refusal of an archive; the message goes on from the name of the entry."""
    shown = None if entry is None else printable(entry)
    subject = "The archive" if shown is None else f"Entry {shown!r}"
    return SpellError(
        "PACKAGE_INVALID",
        f"{subject} {message}.",
        details={"entry": shown, "offset": offset},
    )


def printable(foreign: str) -> str:
    """Somebody else's text as it may be written to a terminal: escaped and cut."""
    text = foreign if foreign.isprintable() else foreign.encode("unicode_escape").decode("ascii")
    return text if len(text) <= ENTRY_CHARS_MAX else text[: ENTRY_CHARS_MAX - 1] + "…"
