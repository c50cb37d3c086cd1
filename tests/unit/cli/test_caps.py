"""Goal: the picture of a cap says what is so. Method: draw it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.caps import bar


@pytest.mark.parametrize(
    ("used", "cap", "picture"),
    [
        (0, 100, "--------------------   0 %"),
        (50, 100, "##########----------  50 %"),
        (99, 100, "###################-  99 %"),
        (100, 100, "#################### 100 %"),
        (700, 100, "#################### 100 %"),
        (0, 0, "#################### 100 %"),
        (5, None, ""),
    ],
)
def test_a_bar_is_as_long_as_what_is_used(used: int, cap: int | None, picture: str) -> None:
    assert bar(used, cap) == picture


@given(st.integers(0, 10**15), st.integers(1, 10**15))
def test_only_what_is_full_looks_full(used: int, cap: int) -> None:
    assert ("-" not in bar(used, cap)) == (used >= cap)
