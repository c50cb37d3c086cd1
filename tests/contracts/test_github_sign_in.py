"""Goal: each answer to the device flow becomes the one failure that it is, and tells no secret.

Method: a server that gives it.
"""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from infra.github import asking
from infra.github.asking import ask
from infra.github.sign_in import GitHubSignIn, Tokens, Waiting
from schema.errors import SpellError
from tests.support.scripted_github import Answer, ScriptedGitHub, scripted_github

SECRET = "a-text-that-nobody-may-see"
CODE = {
    "device_code": SECRET,
    "user_code": "ABCD-EFGH",
    "verification_uri": "https://github.example/login/device",
    "expires_in": 900,
    "interval": 5,
}
GRANTED = {
    "access_token": "ghu_a",
    "expires_in": 28800,
    "refresh_token": "ghr_a",
    "refresh_token_expires_in": "15811200",
    "scope": "",
    "token_type": "bearer",
}


@pytest.fixture
def github() -> Iterator[ScriptedGitHub]:
    with scripted_github() as scripted:
        yield scripted


def sign_in(github: ScriptedGitHub, client_secret: str | None = SECRET) -> GitHubSignIn:
    return GitHubSignIn(
        pages_url=github.url,
        api_url=f"{github.url}/api/",
        client_id="Iv1.a",
        client_secret=client_secret,
    )


def answer(github: ScriptedGitHub, **more: Any) -> None:
    answered = Answer(**more)
    github.script = lambda _: answered


async def test_a_code_is_read_as_github_gives_it(github: ScriptedGitHub) -> None:
    answer(github, document=CODE)
    code = await sign_in(github).begin()
    assert (code.user_code, code.interval_seconds, code.seconds) == ("ABCD-EFGH", 5, 900)
    assert SECRET not in repr(code)
    [asked] = github.asked
    assert (asked.verb, asked.path, asked.body) == (
        *("POST", "/login/device/code", "client_id=Iv1.a"),
    )
    assert asked.headers["accept"] == "application/json"


async def test_what_github_leaves_out_or_overdoes_is_bounded(github: ScriptedGitHub) -> None:
    answer(github, document={**CODE, "interval": None, "expires_in": 10**8})
    code = await sign_in(github).begin()
    assert (code.interval_seconds, code.seconds) == (5, 3600)
    answer(github, document={"error": "slow_down", "interval": 10**6})
    assert await sign_in(github).tokens_of(SECRET) == Waiting(slower=True, interval_seconds=300)


async def test_numbers_that_github_sends_as_text_are_numbers(github: ScriptedGitHub) -> None:
    answer(github, document=GRANTED)
    found = await sign_in(github).tokens_of(SECRET)
    assert found == Tokens("ghu_a", "ghr_a", 28800, 15811200)


async def test_an_app_whose_tokens_never_expire_gives_one(github: ScriptedGitHub) -> None:
    answer(github, document={"access_token": "ghu_a", "scope": "", "token_type": "bearer"})
    assert await sign_in(github).tokens_of(SECRET) == Tokens("ghu_a", None, None, None)


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("access_denied", "GITHUB_CODE_DENIED"),
        ("expired_token", "GITHUB_CODE_EXPIRED"),
        ("incorrect_device_code", "GITHUB_CODE_EXPIRED"),
        # What only the operator can mend.
        ("device_flow_disabled", "SERVICE_UNAVAILABLE"),
        ("incorrect_client_credentials", "SERVICE_UNAVAILABLE"),
    ],
)
async def test_each_refusal_of_a_code_has_its_code(
    github: ScriptedGitHub, error: str, code: str, status: int
) -> None:
    answer(github, status=status, document={"error": error, "error_description": SECRET})
    with pytest.raises(SpellError) as caught:
        await sign_in(github).tokens_of(SECRET)
    assert caught.value.code == code
    assert SECRET not in told(caught.value)


@pytest.mark.parametrize("status", [200, 400])
async def test_a_refresh_token_that_is_good_no_more_gives_none(
    github: ScriptedGitHub, status: int
) -> None:
    answer(github, status=status, document={"error": "bad_refresh_token"})
    assert await sign_in(github).refreshed(SECRET) is None


async def test_a_refresh_that_the_operator_must_mend_is_no_end(github: ScriptedGitHub) -> None:
    answer(github, document={"error": "incorrect_client_credentials"})
    with pytest.raises(SpellError) as caught:
        await sign_in(github).refreshed(SECRET)
    assert caught.value.code == "SERVICE_UNAVAILABLE"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (Answer(502, content=b"<html>unicorn</html>"), "SERVICE_UNAVAILABLE"),
        (Answer(404, {"message": "Not Found"}), "SERVICE_UNAVAILABLE"),
        (Answer(429, {"message": SECRET}), "RATE_LIMITED"),
        (Answer(403, {"message": "API rate limit exceeded"}), "RATE_LIMITED"),
        (Answer(302, headers={"location": "https://elsewhere.example/"}), "SERVICE_UNAVAILABLE"),
        (Answer(200, content=b"<html>"), "SERVICE_UNAVAILABLE"),
        (Answer(200, ["a", "list"]), "SERVICE_UNAVAILABLE"),
        (Answer(200, {}), "SERVICE_UNAVAILABLE"),
        (Answer(200, {"access_token": 5}), "SERVICE_UNAVAILABLE"),
        (Answer(200, {"access_token": "x" * 1001}), "SERVICE_UNAVAILABLE"),
        (Answer(200, content=b" " * 1_048_577), "SERVICE_UNAVAILABLE"),
        (Answer(drop=True), "SERVICE_UNAVAILABLE"),
    ],
    ids=lambda given: str(given)[:60],
)
async def test_what_is_no_answer_is_github_being_away(
    github: ScriptedGitHub, given: Answer, code: str
) -> None:
    github.script = lambda _: given
    for call in (sign_in(github).tokens_of(SECRET), sign_in(github).refreshed(SECRET)):
        with pytest.raises(SpellError) as caught:
            await call
        assert caught.value.code == code
        assert SECRET not in told(caught.value)
    assert len(github.asked) == 2


async def test_a_github_that_hangs_is_away(
    github: ScriptedGitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = threading.Event()

    def hang(_: Any) -> Answer:
        over.wait(30)
        return Answer()

    github.script = hang
    monkeypatch.setattr(asking, "SECONDS_MAX", 0.2)
    try:
        with pytest.raises(SpellError, match="does not answer") as caught:
            await ask("GET", f"{github.url}/user", token=SECRET)
    finally:
        over.set()
    assert caught.value.code == "SERVICE_UNAVAILABLE"
    assert SECRET not in told(caught.value)


@pytest.mark.parametrize(("status", "ended"), [(204, True), (404, False), (422, False)])
@pytest.mark.parametrize("grant", [True, False])
async def test_github_says_whether_it_ended_what_a_user_granted(
    github: ScriptedGitHub, status: int, ended: bool, grant: bool
) -> None:
    answer(github, status=status)
    assert await sign_in(github).revoke("ghu_a", grant=grant) is ended
    [asked] = github.asked
    path = f"/api/applications/Iv1.a/{'grant' if grant else 'token'}"
    assert (asked.verb, asked.path, asked.body) == ("DELETE", path, {"access_token": "ghu_a"})
    assert asked.headers["authorization"].startswith("Basic ")


async def test_without_a_client_secret_nothing_is_revoked_and_refreshes_go_on(
    github: ScriptedGitHub,
) -> None:
    assert not await sign_in(github, None).revoke("ghu_a", grant=True)
    assert github.asked == []
    answer(github, document=GRANTED)
    assert await sign_in(github, None).refreshed("ghr_z") is not None
    assert "client_secret" not in github.asked[0].body


def told(error: SpellError) -> str:
    """All that leaves us of an error."""
    assert error.__cause__ is None
    return f"{error} {error.message} {error.details}"
