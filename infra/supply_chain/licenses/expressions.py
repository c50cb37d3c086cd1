"""SPDX license expressions as small trees (SPDX 2.3, annex D)."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from license_expression import (
    AND,
    ExpressionError,
    LicenseWithExceptionSymbol,
    Licensing,
    get_spdx_licensing,
)

EXPRESSION_CHARS_MAX = 1_024
EXPRESSION_LICENSES_MAX = 64
"""Comparing two expressions takes time for each pair of their licenses."""
_PARSED_MAX = 4_096
_SPDX: Licensing = get_spdx_licensing()


@dataclass(frozen=True)
class License:
    """One license, perhaps with an exception to it."""

    id: str
    exception: str | None = None
    known: bool = True
    """Whether both are on SPDX's lists."""

    def __str__(self) -> str:
        return f"{self.id} WITH {self.exception}" if self.exception else self.id


@dataclass(frozen=True)
class AllOf:
    """`AND`: every part applies."""

    parts: tuple["Expression", ...]


@dataclass(frozen=True)
class AnyOf:
    """`OR`: whoever uses it chooses one."""

    parts: tuple["Expression", ...]


Expression = License | AllOf | AnyOf


@lru_cache(maxsize=_PARSED_MAX)
def parse_expression(text: str) -> Expression:
    """Read an expression.

    Raises:
        ValueError: it is none, or too long to be one.
    """
    if len(text) > EXPRESSION_CHARS_MAX:
        raise ValueError(f"is longer than {EXPRESSION_CHARS_MAX} characters")
    try:
        # Not by the library's `simplify`, which takes 0.3 seconds for some of this length.
        expression = _tree_of(_SPDX.parse(text))
    except (ExpressionError, AttributeError, RecursionError) as error:
        raise ValueError("is not an SPDX license expression") from error
    if len(list(licenses_in(expression))) > EXPRESSION_LICENSES_MAX:
        raise ValueError(f"names more than {EXPRESSION_LICENSES_MAX} licenses")
    return expression


def licenses_in(expression: Expression) -> Iterator[License]:
    """Every license that an expression names."""
    if isinstance(expression, License):
        yield expression
        return
    for part in expression.parts:
        yield from licenses_in(part)


def chosen(expression: Expression, rule: Callable[[License], bool]) -> Expression | None:
    """The expression without the choices for which a rule does not hold; None when none is left."""
    if isinstance(expression, License):
        return expression if rule(expression) else None
    parts = [kept for part in expression.parts if (kept := chosen(part, rule)) is not None]
    if isinstance(expression, AllOf):
        return AllOf(tuple(parts)) if len(parts) == len(expression.parts) else None
    return (AnyOf(tuple(parts)) if parts[1:] else parts[0]) if parts else None


def _tree_of(parsed: Any) -> Expression:
    if isinstance(parsed, LicenseWithExceptionSymbol):
        base, exception = parsed.license_symbol, parsed.exception_symbol
        read = _license_of(base.key)
        return replace(read, exception=exception.key, known=read.known and _is_known(exception.key))
    if not parsed.args:
        return _license_of(parsed.key)
    kind = AllOf if isinstance(parsed, AND) else AnyOf
    parts = tuple(dict.fromkeys(_flat(kind, map(_tree_of, parsed.args))))
    return kind(parts) if parts[1:] else parts[0]


def _flat(kind: type[AllOf | AnyOf], parts: Iterable[Expression]) -> Iterator[Expression]:
    """The parts, with those of parts of the same kind in their place."""
    for part in parts:
        if isinstance(part, kind):
            yield from part.parts
        else:
            yield part


def _license_of(key: str) -> License:
    """`X+`, X or any later version, permits what X does (annex D.3)."""
    plain = key.removesuffix("+")
    return License(plain if _is_known(plain) else key, None, _is_known(plain))


def _is_known(key: str) -> bool:
    return key in _SPDX.known_symbols
