"""The order of Composer's versions, by PHP's own rule.

univers reads them as semantic versions: it puts `RC10` before `RC2` and forgets a fourth number.
The rule is that of PHP's `version_compare`, which Composer and OSV use for Packagist.
"""

import re
from functools import total_ordering

_PART = re.compile(r"[0-9]+|[A-Za-z]+")
# PHP: any other word < dev < alpha < beta < RC < a number < patch.
_WORDS = {
    "dev": 1,
    "alpha": 2,
    "a": 2,
    "beta": 3,
    "b": 3,
    "rc": 4,
    "c": 4,
    "pl": 7,
    "p": 7,
    "patch": 7,
}
_OTHER, _END, _NUMBER = 0, 5, 6


@total_ordering
class ComposerVersion:
    """One version, by its parts: numbers as numbers, words by how finished they say it is."""

    def __init__(self, text: str) -> None:
        parts = _PART.findall(text.lstrip("vV").partition("+")[0])
        # Composer writes every version with four numbers.
        numbers = next((i for i, part in enumerate(parts) if not part.isdigit()), len(parts))
        padded = [*parts[:numbers], *["0"] * (4 - numbers), *parts[numbers:]]
        self._key = (*(_rank(part) for part in padded), (_END, 0))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ComposerVersion) and self._key == other._key

    def __lt__(self, other: "ComposerVersion") -> bool:
        return self._key < other._key

    def __hash__(self) -> int:
        return hash(self._key)


def _rank(part: str) -> tuple[int, int]:
    if part.isdigit():
        return _NUMBER, int(part)
    return _WORDS.get(part.lower(), _OTHER), 0
