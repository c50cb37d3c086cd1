"""Secrets in logs, progress and violations are masked, also where a cut fell into one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.redaction import Redaction
from schema.limits import SECRET_BYTES_MAX


@pytest.mark.parametrize(
    ("content", "masked"),
    [
        (b"open-sesame", b"***"),
        (b"a open-sesame b open-sesame", b"a *** b ***"),
        (b"nothing", b"nothing"),
        (b"", b""),
        # Cut in the middle of it: the last six, the last four and the last three bytes.
        (b"said open-s", b"said ***"),
        (b"said open", b"said ***"),
        (b"said ope", b"said ope"),
        (b"open-sesame open-sesam", b"*** ***"),
        (b"open-open-se", b"open-***"),
        # Not at the end it is another word.
        (b"open-air", b"open-air"),
    ],
)
def test_a_secret_is_masked_whole_and_where_it_was_cut(content: bytes, masked: bytes) -> None:
    assert Redaction(["open-sesame"]).of_bytes(content) == masked


def test_of_two_secrets_the_longer_one_is_masked_first() -> None:
    redaction = Redaction(["token", "token-of-more"])
    assert redaction.of_bytes(b"token-of-more token") == b"*** ***"


def test_short_values_are_left() -> None:
    assert Redaction(["eu", "123"]).of_bytes(b"eu 123") == b"eu 123"


def test_texts_and_names_of_a_document_are_masked() -> None:
    redaction = Redaction(["open-sesame"])
    document = {"open-sesame": ["x open-sesame", {"n": 1}], "rest": None}
    assert redaction.of_json(document) == {"***": ["x ***", {"n": 1}], "rest": None}


def test_numbers_that_hold_a_secret_are_masked_and_others_stay_numbers() -> None:
    redaction = Redaction(["12345678"])
    document = {"done": 12345678, "of": 912345678.5, "total": 99, "yes": True}
    assert redaction.of_json(document) == {"done": "***", "of": "9***.5", "total": 99, "yes": True}


@given(
    value=st.text("ab", min_size=4, max_size=12),
    before=st.binary(max_size=8),
    cut=st.integers(4, 12),
)
def test_whatever_is_left_of_a_cut_secret_is_gone(value: str, before: bytes, cut: int) -> None:
    secret = value.encode()
    left = secret[:cut]
    assert not Redaction([value]).of_bytes(before + left).endswith(left)


def test_the_worst_secret_does_not_take_long() -> None:
    """Method: every byte may begin it; the work is bounded by its square in memory compares."""
    value = "a" * (SECRET_BYTES_MAX - 1) + "b"
    log = b"a" * 64 * 1024
    assert Redaction([value]).of_bytes(log).endswith(b"***")
