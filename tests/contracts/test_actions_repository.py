"""Goal: inputs go to the repository that was published, not to who has its name now.

Method: a server that says for which repository a token is.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from schema.errors import SpellError
from tests.support.scripted_github import (
    REPOSITORY_ID,
    TOKEN,
    Answer,
    Asked,
    ScriptedGitHub,
    an_actions_plan,
    scripted_github,
)

CAST = f"cast_{'a' * 16}_{'b' * 26}"


@pytest.fixture
def github() -> Iterator[ScriptedGitHub]:
    with scripted_github() as scripted:
        yield scripted


def tokens_are_for(github: ScriptedGitHub, *said: Any) -> None:
    """Say so of one token after the other; dispatches are taken."""
    left = list(said)

    def script(asked: Asked) -> Answer | None:
        if asked.path.endswith("/access_tokens"):
            token = {"token": TOKEN, "expires_at": "2999-01-01T00:00:00Z"}
            return Answer(201, {**token, **left.pop(0)})
        return Answer(204) if asked.path.endswith("/dispatches") else None

    github.script = script


def dispatch(github: ScriptedGitHub) -> None:
    github.host.dispatch(an_actions_plan(repository_id=REPOSITORY_ID), CAST, {})


@pytest.mark.parametrize(
    "said",
    [
        {"repositories": [{"id": REPOSITORY_ID + 1}]},
        {"repositories": [{"id": REPOSITORY_ID}, {"id": REPOSITORY_ID + 1}]},
        {"repositories": [{"id": str(REPOSITORY_ID)}]},
        {"repositories": []},
        {},
    ],
    ids=["another", "two", "no number", "none", "nothing said"],
)
def test_a_token_for_anything_else_dispatches_nothing(
    github: ScriptedGitHub, said: dict[str, Any]
) -> None:
    tokens_are_for(github, said)
    with pytest.raises(SpellError, match="Another repository") as caught:
        dispatch(github)
    assert caught.value.code == "FORBIDDEN_REPO"
    assert github.asked_for("POST", "/dispatches") == []


def test_a_name_that_is_given_back_is_dispatched_to_again(github: ScriptedGitHub) -> None:
    tokens_are_for(github, {"repositories": [{"id": 1}]}, {"repositories": [{"id": REPOSITORY_ID}]})
    with pytest.raises(SpellError):
        dispatch(github)
    dispatch(github)
    assert len(github.asked_for("POST", "/dispatches")) == 1
