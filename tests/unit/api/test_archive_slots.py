"""Goal: archives in memory are bounded, and no account takes all the room."""

from contextlib import ExitStack

import pytest

from api.archive_slots import ArchiveSlots
from schema.errors import SpellError


def refused(slots: ArchiveSlots, account: str) -> bool:
    try:
        with slots.slot(account):
            return False
    except SpellError as error:
        return (error.code, error.retry_after) == ("SERVICE_UNAVAILABLE", 5)


def test_one_account_leaves_room_for_others() -> None:
    slots = ArchiveSlots(archives_max=3, per_account_max=2)
    with slots.slot("a"), slots.slot("a"):
        assert refused(slots, "a")
        assert not refused(slots, "b")
    assert not refused(slots, "a")


def test_a_process_takes_no_more_than_it_can_hold() -> None:
    slots = ArchiveSlots(archives_max=3, per_account_max=2)
    with ExitStack() as held:
        for account in "abc":
            held.enter_context(slots.slot(account))
        assert refused(slots, "d")
    assert not refused(slots, "d")


def test_a_slot_is_given_back_whatever_happens_in_it() -> None:
    slots = ArchiveSlots(archives_max=1, per_account_max=1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), slots.slot("a"):
            raise ZeroDivisionError
    assert not refused(slots, "a")
