"""Goal: who connects waits as long as it takes. Method: an API that says how it is."""

from typing import Any, cast

import pytest

from cli.client import Api, CliError, ExitCode
from cli.github import FAILURES_MAX, awaited

CODE = {"interval_seconds": 5}
CONNECTED = {"connected": {"login": "octocat"}, "pending": None}
AWAY = CliError("the connection broke", ExitCode.PLATFORM)
LIMITED = CliError("slow", ExitCode.REFUSED, {"code": "RATE_LIMITED", "retryable": True})
DENIED = CliError("no", ExitCode.REFUSED, {"code": "GITHUB_CODE_DENIED", "retryable": False})


def waiting(interval: int = 5) -> dict[str, Any]:
    return {"connected": None, "pending": {"interval_seconds": interval}}


def run(*answers: dict[str, Any] | CliError) -> tuple[list[float], dict[str, Any]]:
    """How long it waited before each look, and what came of it; every answer is used."""
    left, waited = list(answers), list[float]()

    class Answering:
        def json(self, method: str, path: str) -> Any:
            assert (method, path) == ("POST", "/v1/account/github:complete")
            answer = left.pop(0)
            if isinstance(answer, CliError):
                raise answer
            return answer

    try:
        return waited, awaited(cast("Api", Answering()), CODE, waited.append)
    finally:
        assert left == []


def test_it_looks_at_the_interval_that_it_is_told_until_somebody_confirms() -> None:
    assert run(waiting(), waiting(10), CONNECTED) == ([5, 5, 10], CONNECTED)


def test_a_lost_answer_and_a_limit_are_asked_again() -> None:
    assert run(AWAY, LIMITED, waiting(), AWAY, CONNECTED) == ([5] * 5, CONNECTED)


def test_a_person_who_says_no_ends_it() -> None:
    with pytest.raises(CliError) as caught:
        run(waiting(), DENIED)
    assert caught.value is DENIED


def test_a_platform_that_stays_away_ends_it() -> None:
    with pytest.raises(CliError) as caught:
        run(*[AWAY] * (FAILURES_MAX + 1))
    assert caught.value is AWAY
