"""Goal: neither one receiver nor one account takes all places. Method: take them."""

from contextlib import ExitStack

import pytest

from activities.sending_places import NoPlaceError, SendingPlaces


def test_a_full_receiver_leaves_places_for_the_accounts_others() -> None:
    places = SendingPlaces(per_target=1, per_account=2)
    with places.taken("a", "slow"):
        with pytest.raises(NoPlaceError), places.taken("a", "slow"):
            pass
        with places.taken("a", "other"):
            pass
    with places.taken("a", "slow"):
        pass


def test_a_full_account_leaves_places_for_other_accounts() -> None:
    places = SendingPlaces(per_target=1, per_account=2)
    with ExitStack() as held:
        held.enter_context(places.taken("a", "one"))
        held.enter_context(places.taken("a", "two"))
        with pytest.raises(NoPlaceError), places.taken("a", "three"):
            pass
        with places.taken("b", "callback"), places.taken("b", "one"):
            pass


def test_a_place_is_given_back_by_an_error_too() -> None:
    places = SendingPlaces(per_target=1, per_account=1)
    for _ in range(3):
        with pytest.raises(KeyError), places.taken("a", "x"):
            raise KeyError
