"""SPDX license expressions as small trees (SPDX 2.3, annex D)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
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
        parsed = _SPDX.parse(text)
        # Rules of OR and AND need the expression flat, and each part once.
        return _tree_of(parsed.simplify())
    except (ExpressionError, AttributeError, RecursionError) as error:
        raise ValueError("is not an SPDX license expression") from error


def licenses_in(expression: Expression) -> Iterator[License]:
    """Every license that an expression names."""
    if isinstance(expression, License):
        yield expression
        return
    for part in expression.parts:
        yield from licenses_in(part)


def holds(expression: Expression, rule: Callable[[License], bool]) -> bool:
    """Whether a rule holds for the whole: for all of `AND`, for one of `OR`."""
    if isinstance(expression, License):
        return rule(expression)
    results = (holds(part, rule) for part in expression.parts)
    return all(results) if isinstance(expression, AllOf) else any(results)


def _tree_of(parsed: Any) -> Expression:
    if isinstance(parsed, LicenseWithExceptionSymbol):
        base, exception = parsed.license_symbol, parsed.exception_symbol
        return License(base.key, exception.key, _is_known(base) and _is_known(exception))
    if not parsed.args:
        return License(parsed.key, None, _is_known(parsed))
    parts = tuple(_tree_of(part) for part in parsed.args)
    return AllOf(parts) if isinstance(parsed, AND) else AnyOf(parts)


def _is_known(symbol: Any) -> bool:
    return symbol.key in _SPDX.known_symbols
