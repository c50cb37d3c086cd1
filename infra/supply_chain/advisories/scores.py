"""CVSS base scores of vectors, by the library `cvss`."""

from collections.abc import Iterable

from cvss import CVSS2, CVSS3, CVSS4
from cvss.exceptions import CVSSError

_KINDS = {"CVSS_V2": CVSS2, "CVSS_V3": CVSS3, "CVSS_V4": CVSS4}


def base_score(kind: str, vector: str) -> float | None:
    """The base score, 0.0 to 10.0; None when it is no vector of its kind, or of no known kind."""
    scorer = _KINDS.get(kind)
    if scorer is None:
        return None
    try:
        return float(scorer(vector).base_score)
    # A malformed vector leaves its advisory unscored, which policy does not let pass in silence.
    except (CVSSError, ArithmeticError, LookupError, ValueError, TypeError, RuntimeError):
        return None


def highest(vectors: Iterable[tuple[str, str]]) -> tuple[float | None, str | None]:
    """(score, vector) of the worst of (kind, vector) pairs; (None, None) when none has a score."""
    scored = [
        (score, vector)
        for kind, vector in vectors
        if (score := base_score(kind, vector)) is not None
    ]
    return max(scored, default=(None, None))
