"""Goal: an account acts as the GitHub user who said so, as long as that one lets it, and no other.

Method: the real adapters and tables against the local GitHub.
"""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from infra.github.connecting import GitHubConnecting
from infra.github.connections import ConnectedUsers
from infra.github.sign_in import Tokens
from infra.postgres import Database
from schema.errors import SpellError
from tests.support.github_connections import Connecting
from tests.support.local_github import LocalGitHub, local_github

HOURS = timedelta(hours=9)
MONTHS = timedelta(days=200)


@pytest.fixture(scope="module")
def server() -> Iterator[LocalGitHub]:
    with TemporaryDirectory() as folder, local_github(Path(folder)) as started:
        yield started


@pytest.fixture
def platform(database: Database, server: LocalGitHub) -> Connecting:
    return Connecting(database, server)


async def test_a_person_who_says_yes_connects_the_account(platform: Connecting) -> None:
    account_id, login = await platform.account(), platform.user()
    code = await platform.accounts.begin(account_id)
    assert code.verification_uri == f"{platform.server.url}/login/device"
    waiting = await platform.accounts.complete(account_id)
    assert (waiting.connected, waiting.pending) == (None, code)
    platform.decide(code.user_code, login)
    await platform.age(account_id, timedelta(seconds=5))
    status = await platform.accounts.complete(account_id)
    assert status.connected is not None
    assert (status.connected.login, status.pending) == (login, None)
    assert await platform.accounts.status(account_id) == status
    # Whoever lost that answer asks again.
    assert await platform.accounts.complete(account_id) == status


async def test_a_code_that_waits_is_shown_again_while_there_is_time_to_enter_it(
    platform: Connecting,
) -> None:
    account_id = await platform.account()
    code = await platform.accounts.begin(account_id)
    assert await platform.accounts.begin(account_id) == code
    await platform.age(account_id, timedelta(minutes=11))
    assert (await platform.accounts.begin(account_id)).user_code != code.user_code


async def test_github_is_not_asked_more_often_than_it_allows(
    platform: Connecting, monkeypatch: pytest.MonkeyPatch
) -> None:
    account_id, asked = await platform.account(), 0
    ask = platform.sign_in.tokens_of

    async def counted(device_code: str) -> Any:
        nonlocal asked
        asked += 1
        return await ask(device_code)

    monkeypatch.setattr(platform.sign_in, "tokens_of", counted)
    code = await platform.accounts.begin(account_id)
    looks = [platform.accounts.complete(account_id) for _ in range(8)]
    assert [status.pending for status in await asyncio.gather(*looks)] == [code] * 8
    assert asked == 1


async def test_who_is_asked_too_often_is_asked_less_often(platform: Connecting) -> None:
    account_id = await platform.account()
    await platform.accounts.begin(account_id)
    await platform.accounts.complete(account_id)
    # Five seconds by our clock, and none by GitHub's.
    await platform.age(account_id, timedelta(seconds=5))
    status = await platform.accounts.complete(account_id)
    assert status.pending is not None
    assert status.pending.interval_seconds == 10


async def test_a_person_who_says_no_ends_the_code(platform: Connecting) -> None:
    account_id, login = await platform.account(), platform.user()
    code = await platform.accounts.begin(account_id)
    platform.decide(code.user_code, login, allow=False)
    for expected in ("GITHUB_CODE_DENIED", "GITHUB_CODE_EXPIRED"):
        with pytest.raises(SpellError) as caught:
            await platform.accounts.complete(account_id)
        assert caught.value.code == expected
    assert (await platform.accounts.status(account_id)).pending is None


async def test_a_code_whose_time_is_up_connects_nobody_and_harms_no_connection(
    platform: Connecting,
) -> None:
    account_id, login = await platform.account(), platform.user()
    before = await platform.connect(account_id, login)
    code = await platform.accounts.begin(account_id)
    await platform.age(account_id, timedelta(minutes=16))
    platform.decide(code.user_code, platform.user())
    with pytest.raises(SpellError, match="No code waits") as caught:
        await platform.accounts.complete(account_id)
    assert caught.value.code == "GITHUB_CODE_EXPIRED"
    assert (await platform.accounts.status(account_id)).connected is not None
    assert before.connected is not None
    assert before.connected.login == login


async def test_who_was_never_asked_cannot_complete(platform: Connecting) -> None:
    with pytest.raises(SpellError) as caught:
        await platform.accounts.complete(await platform.account())
    assert caught.value.code == "GITHUB_CODE_EXPIRED"


async def test_a_user_may_push_where_they_are_at_home_and_nowhere_else(
    platform: Connecting,
) -> None:
    login, other = platform.user(), platform.user()
    account_id = await platform.connected(login)
    own = platform.server.repository(f"{login}/own", {"a": b"1"})["id"]
    platform.server.repository(f"{other}/public", {"a": b"1"})
    platform.server.repository(f"{other}/hidden", {"a": b"1"}, private=True)
    platform.server.owner(f"org-{login}", type="Organization", members=[login])
    platform.server.repository(f"org-{login}/ours", {"a": b"1"}, private=True)
    platform.server.install(f"org-{login}")
    # Of what is not public, the App sees for a user only what it is installed on.
    platform.server.repository(f"{login}/unseen", {"a": b"1"}, private=True)
    found = {
        repo: await platform.users.own_repository(account_id, repo)
        for repo in (
            *(f"{login}/own", f"{login.upper()}/OWN", f"org-{login}/ours"),
            *(f"{other}/public", f"{other}/hidden", f"{login}/absent", f"{login}/.."),
            f"{login}/unseen",
        )
    }
    assert list(found.values())[:2] == [own, own]
    assert [each is not None for each in found.values()] == [True] * 3 + [False] * 5, found


async def test_a_user_sees_where_the_app_is_installed_for_them(platform: Connecting) -> None:
    login, other = platform.user(), platform.user()
    account_id = await platform.connected(login)
    platform.server.owner(f"org-{login}", type="Organization", members=[login])
    platform.server.install(f"org-{login}", permissions={"actions": "read"}, repositories=["a"])
    platform.server.install(login, suspended=True)
    platform.server.install(other)
    found = await platform.users.installations(account_id)
    assert [(one.owner, one.every_repository, one.suspended) for one in found] == [
        (f"org-{login}", False, False),
        (login, True, True),
    ]
    assert found[0].permissions["actions"] == "read"
    with pytest.raises(SpellError) as caught:
        await platform.users.installations(await platform.account())
    assert caught.value.code == "GITHUB_NOT_CONNECTED"


async def test_who_is_not_connected_is_told_so(platform: Connecting) -> None:
    account_id = await platform.account()
    for call in (
        platform.users.user_token(account_id),
        platform.users.own_repository(account_id, "a/b"),
    ):
        with pytest.raises(SpellError) as caught:
            await call
        assert caught.value.code == "GITHUB_NOT_CONNECTED"


async def test_eight_who_need_a_fresh_token_at_once_refresh_it_once(
    platform: Connecting, monkeypatch: pytest.MonkeyPatch
) -> None:
    account_id, used = await platform.connected(), list[str]()
    before = await platform.users.user_token(account_id)
    refresh = platform.sign_in.refreshed

    async def counted(token: str) -> Tokens | None:
        used.append(token)
        return await refresh(token)

    monkeypatch.setattr(platform.sign_in, "refreshed", counted)
    await platform.age(account_id, HOURS)
    found = await asyncio.gather(*(platform.users.user_token(account_id) for _ in range(8)))
    assert len(used) == 1
    assert len(set(found)) == 1
    assert found[0] != before
    # Each is good once: the next one is another.
    await platform.age(account_id, HOURS)
    await platform.users.user_token(account_id)
    assert len(set(used)) == 2


async def test_who_held_the_token_before_a_refresh_is_still_connected(
    platform: Connecting, monkeypatch: pytest.MonkeyPatch
) -> None:
    login = platform.user()
    account_id = await platform.connected(login)
    platform.server.repository(f"{login}/own", {"a": b"1"})
    stale = await platform.connections.tokens(account_id)
    assert stale is not None
    await platform.age(account_id, HOURS)
    await platform.users.user_token(account_id)
    tokens, given = platform.connections.tokens, [stale]

    async def first_stale(account_id: str) -> Any:
        return given.pop() if given else await tokens(account_id)

    monkeypatch.setattr(platform.connections, "tokens", first_stale)
    assert await platform.users.own_repository(account_id, f"{login}/own")
    assert not given


async def test_a_user_who_revokes_the_authorisation_ends_the_connection(
    platform: Connecting,
) -> None:
    login = platform.user()
    account_id = await platform.connected(login)
    assert platform.server.local("DELETE", f"tokens/{login}") == {"revoked": 2}
    with pytest.raises(SpellError) as caught:
        await platform.users.own_repository(account_id, f"{login}/own")
    assert caught.value.code == "GITHUB_NOT_CONNECTED"
    assert (await platform.accounts.status(account_id)).connected is None


async def test_a_refresh_token_that_github_takes_no_more_ends_the_connection(
    platform: Connecting,
) -> None:
    login = platform.user()
    account_id = await platform.connected(login)
    platform.server.local("DELETE", f"tokens/{login}")
    await platform.age(account_id, MONTHS)
    with pytest.raises(SpellError) as caught:
        await platform.users.user_token(account_id)
    assert caught.value.code == "GITHUB_NOT_CONNECTED"
    assert (await platform.accounts.status(account_id)).connected is None


async def test_github_being_away_ends_nothing(platform: Connecting) -> None:
    account_id = await platform.connected()
    nowhere = ConnectedUsers(platform.connections, None, "http://127.0.0.1:1")
    with pytest.raises(SpellError) as caught:
        await nowhere.own_repository(account_id, "a/b")
    assert caught.value.code == "SERVICE_UNAVAILABLE"
    assert (await platform.accounts.status(account_id)).connected is not None


async def test_another_account_cannot_take_a_user_who_is_connected(
    platform: Connecting,
) -> None:
    login = platform.user()
    first, second = await platform.connected(login), await platform.account()
    with pytest.raises(SpellError) as caught:
        await platform.connect(second, login)
    assert caught.value.code == "GITHUB_USER_TAKEN"
    assert await platform.accounts.status(second) == await platform.accounts.status(
        await platform.account()
    )
    # What the second was granted is given back; what the first has stays good.
    assert platform.server.local("DELETE", f"tokens/{login}") == {"revoked": 2}
    assert (await platform.accounts.status(first)).connected is not None


async def test_a_user_who_revoked_what_another_account_has_of_them_is_free_for_their_own(
    platform: Connecting,
) -> None:
    """That account never asks GitHub again: it belongs to whoever had them enter a code."""
    login = platform.user()
    stranger, own = await platform.connected(login), await platform.account()
    platform.server.local("DELETE", f"tokens/{login}")
    status = await platform.connect(own, login)
    assert status.connected is not None
    assert status.connected.login == login
    assert (await platform.accounts.status(stranger)).connected is None


async def test_another_user_takes_the_place_of_the_one_before(platform: Connecting) -> None:
    before, after = platform.user(), platform.user()
    account_id = await platform.connected(before)
    status = await platform.connect(account_id, after)
    assert status.connected is not None
    assert status.connected.login == after
    # Nothing of the first one's grant is left, and they are free for another account.
    assert platform.server.local("DELETE", f"tokens/{before}") == {"revoked": 0}
    await platform.connected(before)


async def test_connecting_again_keeps_the_time_and_leaves_no_token_behind(
    platform: Connecting,
) -> None:
    login, account_id = platform.user(), await platform.account()
    first = await platform.connect(account_id, login)
    again = await platform.connect(account_id, login)
    assert first.connected is not None
    assert again.connected is not None
    assert again.connected.connected_at == first.connected.connected_at
    assert platform.server.local("DELETE", f"tokens/{login}") == {"revoked": 2}


@pytest.mark.parametrize("aged", [timedelta(0), HOURS])
async def test_who_disconnects_leaves_nothing_here_nor_on_github(
    platform: Connecting, aged: timedelta
) -> None:
    login = platform.user()
    account_id = await platform.connected(login)
    await platform.accounts.begin(account_id)
    await platform.age(account_id, aged)
    ended = await platform.accounts.disconnect(account_id)
    assert (ended.was_connected, ended.revoked) == (True, True)
    status = await platform.accounts.status(account_id)
    assert (status.connected, status.pending) == (None, None)
    assert platform.server.local("DELETE", f"tokens/{login}") == {"revoked": 0}
    again = await platform.accounts.disconnect(account_id)
    assert (again.was_connected, again.revoked) == (False, False)


async def test_who_disconnects_while_a_code_is_looked_at_is_not_connected(
    platform: Connecting, monkeypatch: pytest.MonkeyPatch
) -> None:
    account_id, login = await platform.account(), platform.user()
    code = await platform.accounts.begin(account_id)
    platform.decide(code.user_code, login)
    ask = platform.sign_in.tokens_of

    async def slow(device_code: str) -> Any:
        found = await ask(device_code)
        await platform.accounts.disconnect(account_id)
        return found

    monkeypatch.setattr(platform.sign_in, "tokens_of", slow)
    with pytest.raises(SpellError) as caught:
        await platform.accounts.complete(account_id)
    assert caught.value.code == "GITHUB_CODE_EXPIRED"
    assert (await platform.accounts.status(account_id)).connected is None
    assert platform.server.local("DELETE", f"tokens/{login}") == {"revoked": 0}


async def test_without_a_github_app_nobody_is_connected_and_everybody_can_disconnect(
    platform: Connecting,
) -> None:
    account_id, url = await platform.account(), platform.server.url
    accounts = GitHubConnecting(platform.connections, platform.codes, None, url)
    users = ConnectedUsers(platform.connections, None, url)
    for call in (
        accounts.begin(account_id),
        accounts.complete(account_id),
        users.own_repository(account_id, "a/b"),
    ):
        with pytest.raises(SpellError, match="no GitHub App") as caught:
            await call
        assert caught.value.code == "MODE_UNAVAILABLE"
    assert not (await accounts.disconnect(account_id)).was_connected
