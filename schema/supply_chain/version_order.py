"""The order of versions: Semantic Versioning 2.0.0, section 11. The newest is the highest.

https://semver.org/#spec-item-11
"""

Precedence = tuple[tuple[int, int, int], int, tuple[tuple[int, int, str], ...]]


def precedence(version: str) -> Precedence:
    """What to sort versions by: a pre-release comes before its release.

    Args:
        version: as `schema.ids.Version` has it; build metadata is not part of it.
    """
    release, _, suffix = version.partition("-")
    major, minor, patch = (int(number) for number in release.split("."))
    parts = tuple(_identifier(part) for part in suffix.split(".")) if suffix else ()
    return (major, minor, patch), 0 if suffix else 1, parts


def _identifier(part: str) -> tuple[int, int, str]:
    """Numbers below words, numbers by value, words by their ASCII."""
    return (0, int(part), "") if part.isdigit() and part.isascii() else (1, 0, part)
