"""API keys: well-formed, unguessable, and kept only as a keyed hash."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.api_keys import hash_api_key, new_api_key, prefix_of

PEPPER, OTHER = b"p" * 32, b"q" * 32


def test_a_new_key_is_well_formed_and_leads_to_its_row() -> None:
    key = new_api_key(PEPPER)
    assert re.fullmatch(r"sk_[a-z2-7]{12}_[a-z2-7]{32}", key.text)
    assert prefix_of(key.text) == key.prefix
    assert key.text.split("_")[1] == key.prefix


def test_what_is_kept_is_a_hash_that_needs_the_pepper() -> None:
    key = new_api_key(PEPPER)
    assert key.key_hash == hash_api_key(PEPPER, key.text)
    assert key.key_hash != hash_api_key(OTHER, key.text)
    assert len(key.key_hash) == 32
    assert key.text.encode() not in key.key_hash


def test_a_thousand_keys_are_a_thousand() -> None:
    keys = [new_api_key(PEPPER) for _ in range(1000)]
    for part in ("text", "prefix", "key_hash"):
        assert len({getattr(key, part) for key in keys}) == 1000


def test_the_secret_part_has_160_random_bits() -> None:
    """Every place of the secret takes every letter: none of it is fixed."""
    secrets = [new_api_key(PEPPER).text.split("_")[2] for _ in range(1000)]
    for letters in zip(*secrets, strict=True):
        assert len(set(letters)) == 32


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sk",
        "sk_",
        "sk__",
        f"sk_{'a' * 12}",
        f"sk_{'a' * 11}_{'b' * 32}",
        f"sk_{'a' * 12}_{'b' * 31}",
        f"sk_{'a' * 12}_{'b' * 33}",
        f"sk_{'a' * 12}_{'b' * 32}_",
        f"pk_{'a' * 12}_{'b' * 32}",
        f"SK_{'a' * 12}_{'b' * 32}",
        f" sk_{'a' * 12}_{'b' * 32}",
        f"sk-{'a' * 12}-{'b' * 32}",
    ],
)
def test_what_is_no_key_has_no_prefix(text: str) -> None:
    assert prefix_of(text) is None


@given(st.text(max_size=60))
def test_no_text_breaks_the_reading_of_a_key(text: str) -> None:
    prefix = prefix_of(text)
    assert prefix is None or len(prefix) == 12
