"""Goal: the local GitHub keeps the rules of the device flow, of tokens and of taking them back.

Method: by hand, as its documentation tells.
"""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import pytest

from tests.support.github_description import Description
from tests.support.local_github import LocalGitHub, local_github

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


@pytest.fixture(scope="module")
def server() -> Iterator[LocalGitHub]:
    with TemporaryDirectory() as folder, local_github(Path(folder)) as started:
        started.owner("maker")
        yield started


def begun(server: LocalGitHub) -> dict[str, Any]:
    form = {"client_id": server.app.client_id}
    code: dict[str, Any] = server.http.post("/login/device/code", data=form).json()
    return code


def asked(server: LocalGitHub, **form: str) -> dict[str, Any]:
    form = {"client_id": server.app.client_id, "grant_type": DEVICE_GRANT, **form}
    answer = server.http.post("/login/oauth/access_token", data=form)
    # Errors too: GitHub's own, and what clients must look for.
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json()
    return body


def tokens(server: LocalGitHub, login: str = "maker") -> dict[str, Any]:
    code = begun(server)
    server.local("POST", "device", {"user_code": code["user_code"], "login": login})
    return asked(server, device_code=code["device_code"])


def refreshed(server: LocalGitHub, refresh_token: str) -> dict[str, Any]:
    return asked(
        server,
        grant_type="refresh_token",
        refresh_token=refresh_token,
        client_secret=server.app.client_secret,
    )


def is_good(server: LocalGitHub, token: str) -> bool:
    headers = {"Authorization": f"Bearer {token}"}
    status = server.http.get("/user", headers=headers).status_code
    assert status in (200, 401)
    return status == 200


def answered(
    server: LocalGitHub, what: str, token: str, secret: str | None = None
) -> httpx.Response:
    app = server.app
    return server.http.request(
        "DELETE",
        f"/applications/{app.client_id}/{what}",
        auth=(app.client_id, secret or app.client_secret),
        json={"access_token": token},
    )


def revoke(server: LocalGitHub, what: str, token: str, secret: str | None = None) -> int:
    return answered(server, what, token, secret).status_code


def test_who_asks_more_often_than_allowed_waits_for_longer_each_time(server: LocalGitHub) -> None:
    code = begun(server)
    said = [asked(server, device_code=code["device_code"]) for _ in range(3)]
    assert [one["error"] for one in said] == [
        *("authorization_pending", "slow_down", "slow_down"),
    ]
    assert [one.get("interval") for one in said] == [None, 10, 15]


def test_a_code_gives_tokens_once(server: LocalGitHub) -> None:
    code = begun(server)
    server.local("POST", "device", {"user_code": code["user_code"], "login": "maker"})
    assert is_good(server, asked(server, device_code=code["device_code"])["access_token"])
    again = asked(server, device_code=code["device_code"])
    assert again["error"] == "incorrect_device_code"


def test_a_refresh_ends_both_tokens_before(server: LocalGitHub) -> None:
    first = tokens(server)
    second = refreshed(server, first["refresh_token"])
    assert not is_good(server, first["access_token"])
    assert is_good(server, second["access_token"])
    assert refreshed(server, first["refresh_token"])["error"] == "bad_refresh_token"


def test_the_app_ends_one_token_and_its_successor_or_all_of_a_user(server: LocalGitHub) -> None:
    server.owner("leaver")
    one, other = tokens(server, "leaver"), tokens(server, "leaver")
    elsewhere = tokens(server)
    assert revoke(server, "token", one["access_token"]) == 204
    assert not is_good(server, one["access_token"])
    assert "error" in refreshed(server, one["refresh_token"])
    assert is_good(server, other["access_token"])
    assert revoke(server, "grant", other["access_token"]) == 204
    assert not is_good(server, other["access_token"])
    assert "error" in refreshed(server, other["refresh_token"])
    assert is_good(server, elsewhere["access_token"])
    assert revoke(server, "grant", other["access_token"]) == 422


def test_nobody_else_ends_anything(server: LocalGitHub) -> None:
    held = tokens(server)
    assert revoke(server, "grant", held["access_token"], "wrong") == 401
    assert revoke(server, "token", held["refresh_token"]) == 422
    assert is_good(server, held["access_token"])


def test_taking_back_is_answered_as_github_describes_it(server: LocalGitHub) -> None:
    description = Description.fetched()
    for what in ("token", "grant"):
        token = tokens(server)["access_token"]
        for status in (204, 422):
            answer = answered(server, what, token)
            description.check(answer)
            assert answer.status_code == status
    path = "/applications/{client_id}/"
    assert description.checked == {
        ("delete", path + what, status) for what in ("token", "grant") for status in (204, 422)
    }
