"""The error catalogue: one code string per failure, everywhere.

The same code is the problem document's `code`, the Temporal failure type, the `error_code` column
and the log field. The codes are in `schema/error_catalogue.py`.
"""

from collections.abc import Mapping
from typing import Any

from schema.error_catalogue import CATALOGUE, ErrorKind


def catalogue() -> Mapping[str, ErrorKind]:
    """All codes and their meaning, in the order of the documentation."""
    return CATALOGUE


def kind_of(code: str) -> ErrorKind:
    """The row for a code; an unknown one is a platform failure, and reads as INTERNAL."""
    return CATALOGUE.get(code, CATALOGUE["INTERNAL"])


class SpellError(Exception):
    """A failure with a code from the catalogue. The only error that crosses a layer on purpose.

    Args:
        code: a key of the catalogue.
        message: one sentence for this occurrence; the catalogue's title when empty.
        details: JSON members that help to act on it. Never a secret, never an input's content.
        retry_after: seconds after which a repetition may help.
    """

    def __init__(
        self,
        code: str,
        message: str = "",
        *,
        details: Mapping[str, Any] | None = None,
        retry_after: int | None = None,
    ) -> None:
        if code not in CATALOGUE:
            raise ValueError(f"{code!r} is not in the error catalogue")
        self.code = code
        self.kind = CATALOGUE[code]
        self.message = message or self.kind.title
        self.details = dict(details or {})
        self.retry_after = retry_after
        super().__init__(f"{code}: {self.message}")


def too_many_casts(open_casts_max: int) -> SpellError:
    """The refusal of a cast whose account has as many open casts as it may."""
    return SpellError("TOO_MANY_CASTS", details={"open_casts_max": open_casts_max}, retry_after=5)
