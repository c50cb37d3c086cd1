"""License expressions and names, as both formats write them.

A bill keeps one text per statement. What is no SPDX expression is a name; a name that has more to
it (a text, an address), or that stands in a list, becomes a `LicenseRef-` with a `NamedLicense`.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from hashlib import sha256

from license_expression import ExpressionError, ExpressionParseError, Licensing, get_spdx_licensing

from schema.contracts.bill import NamedLicense

LICENSE_REF = re.compile(r"LicenseRef-[\dA-Za-z.-]+")
WEB_ADDRESS = re.compile(
    r"https?://(?:[\dA-Za-z]+(?:-[\dA-Za-z]+)*\.)+[A-Za-z]{2,}(?:[/?#][^\s\"<>\\^`{|}]*)?"
)
_SIMPLE = re.compile(r"[\w.+:-]+")
_OPERATOR = re.compile(r"\b(?:AND|OR|WITH)\b", re.IGNORECASE)
_REFS = ("LicenseRef-", "DocumentRef-")
_SLUG_CHARS_MAX = 40


def joined(statements: Sequence[str]) -> str | None:
    """Several statements without an operator between them, as one text.

    Each is in parentheses, and in two pairs when it is more than one id: nobody writes so what is
    one expression.
    """
    if len(statements) <= 1:
        return statements[0] if statements else None
    return " AND ".join(
        f"({statement})" if _SIMPLE.fullmatch(statement) else f"(({statement}))"
        for statement in statements
    )


def parted(text: str) -> list[str]:
    """The statements that `joined` put together; of any other text, the text itself."""
    groups = _groups_of(text)
    if len(groups) <= 1:
        return [text]
    statements = [
        group if _SIMPLE.fullmatch(group) else "".join(_groups_of(group)) for group in groups
    ]
    return statements if joined(statements) == text else [text]


def _groups_of(text: str) -> list[str]:
    """What stands in the outermost pairs of parentheses."""
    groups, depth, start = [], 0, 0
    for index, character in enumerate(text):
        if character == "(":
            depth += 1
            start = index + 1 if depth == 1 else start
        elif character == ")":
            depth -= 1
            if depth == 0:
                groups.append(text[start:index])
    return groups


def ref_for(name: str, text: str | None = None, see_also: Sequence[str] = ()) -> str:
    """A `LicenseRef-` for a license that has none: readable, and the same for the same license."""
    slug = re.sub(r"[^\dA-Za-z.]+", "-", name[:_SLUG_CHARS_MAX]).strip("-") or "license"
    digest = sha256("\0".join((name, text or "", *see_also)).encode()).hexdigest()
    return f"LicenseRef-{slug}-{digest[:8]}"


def is_expression(text: str) -> bool:
    """Whether it is written as an expression is, even with ids that SPDX's list does not have."""
    unknown = _unknown_symbols(text)
    if unknown is None or any(" " in symbol for symbol in unknown):
        return False
    if _OPERATOR.search(text) is None:
        return " " not in text and all(symbol.startswith(_REFS) for symbol in unknown)
    return True


def unknown_ids(text: str) -> frozenset[str] | None:
    """What in the expression is not on SPDX's list; None when SPDX does not take it as one."""
    unknown = _unknown_symbols(text)
    return None if unknown is None or _has_misplaced_exception(text) else unknown


@lru_cache(maxsize=4096)
def _unknown_symbols(text: str) -> frozenset[str] | None:
    try:
        parsed = _licensing().parse(text)
    except Exception:  # noqa: BLE001  no expression, or the library's crash over odd characters
        return None
    return None if parsed is None else frozenset(_licensing().unknown_license_keys(parsed))


@lru_cache(maxsize=4096)
def _has_misplaced_exception(text: str) -> bool:
    """Whether an exception stands for a license, or the other way round."""
    try:
        _licensing().parse(text, validate=True, strict=True)
    except ExpressionParseError:
        return True
    except ExpressionError:
        return False  # only that ids are unknown
    return False


@cache
def _licensing() -> Licensing:
    return get_spdx_licensing()


class NamedLicenses:
    """The named licenses of one bill, while it is read or written."""

    def __init__(self, known: Sequence[NamedLicense] = ()) -> None:
        self._by_ref = {license_.ref: license_ for license_ in known}

    def add(self, license_: NamedLicense) -> str:
        """Keep a license; its ref."""
        self._by_ref.setdefault(license_.ref, license_)
        return license_.ref

    def name(self, name: str, text: str | None = None, see_also: Sequence[str] = ()) -> str:
        """Keep a license that has no ref yet; its new ref."""
        ref = ref_for(name, text, see_also)
        return self.add(NamedLicense(ref=ref, name=name, text=text, see_also=list(see_also)))

    def get(self, ref: str) -> NamedLicense | None:
        """The license of a ref."""
        return self._by_ref.get(ref)

    def remove(self, ref: str) -> None:
        """Forget a license that nothing names any more."""
        self._by_ref.pop(ref, None)

    def __iter__(self) -> Iterator[NamedLicense]:
        return iter(self._by_ref.values())
