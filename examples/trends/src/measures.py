"""What is said of the numbers of one group."""

import statistics
from collections.abc import Sequence
from typing import Any

from groups import Point

_FEWEST_FOR_SPREAD = 2


def summary_of(values: Sequence[float]) -> dict[str, Any]:
    """Place and spread of at least one value."""
    spread = len(values) >= _FEWEST_FOR_SPREAD
    quartiles = statistics.quantiles(values, n=4, method="inclusive") if spread else None
    return {
        "count": len(values),
        "min": min(values),
        "max": max(values),
        "mean": statistics.fmean(values),
        "median": statistics.median(values),
        "quartiles": quartiles,
        "stddev": statistics.stdev(values) if spread else None,
    }


def trend_of(points: Sequence[Point]) -> dict[str, float] | None:
    """The straight line that fits best, and how well; None where there is none."""
    x, y = [point.over for point in points], [point.value for point in points]
    try:
        line = statistics.linear_regression(x, y)
    except statistics.StatisticsError:
        return None  # fewer than two points, or all at one place
    flat = len(set(y)) == 1
    return {
        "slope": line.slope,
        "intercept": line.intercept,
        "correlation": 0.0 if flat else statistics.correlation(x, y),
    }
