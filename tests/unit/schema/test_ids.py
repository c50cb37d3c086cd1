import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from schema import ids

SECRET = b"s" * 32


def test_the_same_account_and_key_always_lead_to_the_same_cast() -> None:
    account = ids.new_account_id()
    assert ids.cast_id_for(account, SECRET, "k1") == ids.cast_id_for(account, SECRET, "k1")


def test_another_key_account_or_secret_leads_to_another_cast() -> None:
    first, second = ids.new_account_id(), ids.new_account_id()
    made = {
        ids.cast_id_for(first, SECRET, "k1"),
        ids.cast_id_for(first, SECRET, "k2"),
        ids.cast_id_for(second, SECRET, "k1"),
        ids.cast_id_for(first, b"t" * 32, "k1"),
    }
    assert len(made) == 4


@given(key=st.text(min_size=1, max_size=255))
def test_every_cast_id_is_well_formed_and_leads_back_to_its_account(key: str) -> None:
    account = ids.new_account_id()
    cast_id = ids.cast_id_for(account, SECRET, key)
    assert TypeAdapter(ids.CastId).validate_python(cast_id) == cast_id
    assert ids.account_of_cast(cast_id) == account
    assert ids.account_of_workflow(ids.cast_workflow_id(cast_id)) == account


def test_a_publish_workflow_leads_to_its_maker_and_a_platform_workflow_to_nobody() -> None:
    account = ids.new_account_id()
    workflow_id = ids.publish_workflow_id(ids.publication_id_for(account, SECRET, "k"))
    assert ids.account_of_workflow(workflow_id) == account
    assert ids.account_of_workflow("reconcile-holds") is None


def test_parts_of_a_keyed_digest_cannot_be_shifted_into_each_other() -> None:
    assert ids.keyed_digest(SECRET, b"ab", b"c") != ids.keyed_digest(SECRET, b"a", b"bc")


def test_digits_of_other_scripts_make_no_version() -> None:
    with pytest.raises(ValueError, match="string_pattern_mismatch"):
        TypeAdapter(ids.Version).validate_python("1\u0663.0.0")


def test_text_that_is_no_cast_id_names_no_account() -> None:
    with pytest.raises(ValueError, match="not a cast id"):
        ids.account_of_cast("cast_short")
