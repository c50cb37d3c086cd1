import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.canonical import JSON_DEPTH_MAX, JsonRefusedError, canonical_json, parse_json

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=20,
)


@given(value=JSON_VALUES)
def test_canonical_text_parses_back_to_the_same_value(value: object) -> None:
    assert parse_json(canonical_json(value)) == value


def test_the_order_of_members_does_not_change_the_bytes() -> None:
    assert canonical_json({"b": 1, "a": [True, None]}) == b'{"a":[true,null],"b":1}'


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"a":1,"a":2}', "appears twice"),
        ("NaN", "NaN is not JSON"),
        ("[Infinity]", "Infinity is not JSON"),
        ("[1e400]", "too large"),
        ('["\\ud800"]', "half of a surrogate pair"),
        ("{}".encode("utf-16"), "not valid UTF-8"),
        ("{}".encode("utf-16-le"), "not valid JSON"),
        (b"\xef\xbb\xbf{}", "not valid JSON"),
        ("{", "not valid JSON"),
        ("", "not valid JSON"),
        (b"\xff", "not valid"),
        ("[" * (JSON_DEPTH_MAX + 1) + "]" * (JSON_DEPTH_MAX + 1), "nested deeper"),
        ("[" * 100_000, "nested deeper"),
    ],
)
def test_what_is_not_strict_json_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(JsonRefusedError, match=reason):
        parse_json(text)


def test_the_deepest_allowed_nesting_is_accepted() -> None:
    text = "[" * JSON_DEPTH_MAX + "]" * JSON_DEPTH_MAX
    assert json.dumps(parse_json(text)) == text


@pytest.mark.parametrize("value", [2**53, -(2**60), {"a": "\ud800"}])
def test_a_value_without_an_exact_canonical_form_is_refused(value: object) -> None:
    with pytest.raises(JsonRefusedError, match="no canonical form"):
        canonical_json(value)


def test_a_whole_surrogate_pair_is_one_character() -> None:
    assert parse_json('"\\ud83d\\ude00"') == "\U0001f600"


def test_many_names_before_a_duplicate_take_time_in_proportion() -> None:
    names = ",".join(f'"a{number}":1' for number in range(200_000))
    with pytest.raises(JsonRefusedError, match="'a199999' appears twice"):
        parse_json("{" + names + ',"a199999":2}')
