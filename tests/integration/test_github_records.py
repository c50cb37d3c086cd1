"""Goal: the tables of GitHub users keep tokens apart and encrypted. Method: look, and break in."""

import asyncio
import secrets

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from infra.github.sign_in import NewCode, Tokens
from infra.postgres import Database
from infra.repositories.github_connections import PostgresGitHubConnections
from infra.repositories.github_device_codes import PostgresGitHubDeviceCodes
from schema.errors import SpellError
from tests.support.builders import make_person
from tests.support.platform import make_vault

HOUR, MONTH = 3600, 30 * 86_400


class Records:
    """Both tables, and what a test puts there."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.connections = PostgresGitHubConnections(database, make_vault())
        self.codes = PostgresGitHubDeviceCodes(database, make_vault())

    async def account(self) -> str:
        return (await make_person(self.database)).account_id

    async def code(self, account_id: str, marker: str = "device") -> bytes:
        """A code that was asked about; its ciphertext."""
        await self.codes.keep(account_id, NewCode(marker, "ABCD-EFGH", "https://x/", 5, 900))
        held = await self.codes.ask(account_id)
        assert held is not None
        return held.ciphertext

    async def connected(self, *, user_id: int | None = None, tokens: Tokens | None = None) -> str:
        """An account that is connected with this user, or one whom nobody else has."""
        account_id = await self.account()
        user_id = user_id or secrets.randbelow(2**50) + 1
        code = await self.code(account_id)
        tokens = tokens or Tokens("access", "refresh", HOUR, MONTH)
        await self.connections.connect(account_id, code, user_id, "octocat", tokens)
        return account_id

    async def run(self, statement: str, **values: object) -> int:
        async with self.database.transaction() as connection:
            return (await connection.execute(text(statement), values)).rowcount


@pytest.fixture
def records(database: Database) -> Records:
    return Records(database)


async def test_tokens_and_codes_are_only_there_encrypted(records: Records) -> None:
    access, refresh, device = (secrets.token_hex(16) for _ in range(3))
    account_id = await records.connected(tokens=Tokens(access, refresh, HOUR, MONTH))
    await records.code(account_id, device)
    async with records.database.reading() as connection:
        found = await connection.execute(
            text(
                "SELECT c::text || d::text AS row, c.ciphertext || d.ciphertext AS bytes"
                " FROM github_connections c JOIN github_device_codes d USING (account_id)"
                " WHERE account_id = :account_id"
            ),
            {"account_id": account_id},
        )
        row = found.one()
    for secret in (access, refresh, device, "ABCD-EFGH"):
        assert secret not in row.row
        assert secret.encode() not in bytes(row.bytes)
        assert secret.encode().hex() not in row.row
    held = await records.connections.tokens(account_id)
    assert held is not None
    assert (held.access, held.refresh) == (access, refresh)
    for secret in (access, refresh):
        assert secret not in repr(held)
        assert secret not in repr(Tokens(access, refresh, HOUR, MONTH))


async def test_a_row_that_somebody_moved_opens_for_nobody(records: Records) -> None:
    one, other = await records.connected(), await records.connected()
    moved = await records.run(
        "UPDATE github_connections SET ciphertext = (SELECT ciphertext FROM github_connections"
        " WHERE account_id = :one) WHERE account_id = :other",
        one=one,
        other=other,
    )
    assert moved == 1
    with pytest.raises(ValueError, match="does not decrypt"):
        await records.connections.tokens(other)


async def test_a_code_does_not_pass_for_tokens(records: Records) -> None:
    account_id = await records.connected()
    await records.code(account_id)
    await records.run(
        "UPDATE github_connections SET ciphertext = (SELECT ciphertext FROM github_device_codes"
        " WHERE account_id = :account_id) WHERE account_id = :account_id",
        account_id=account_id,
    )
    with pytest.raises(ValueError, match="unpack|no tokens"):
        await records.connections.tokens(account_id)


@pytest.mark.parametrize(
    "change",
    [
        # Another account's, another user's, nobody's.
        "account_id = :other",
        "github_user_id = github_user_id + 1",
        "github_user_id = github_user_id + 1, connected_at = now() + interval '1 s'",
        "github_user_id = 0",
        "github_user_id = (SELECT github_user_id FROM github_connections"
        " WHERE account_id = :taken), ciphertext = ciphertext || 'x', connected_at = 'infinity'",
        "login = ''",
        "ciphertext = 'too short'",
        # One that ends, by tokens that never do.
        "token_expires_at = NULL",
    ],
)
async def test_the_database_refuses_a_connection_that_cannot_be(
    records: Records, change: str
) -> None:
    account_id, taken, other = (
        await records.connected(),
        await records.connected(),
        await records.account(),
    )
    values = {"other": other, "taken": taken}
    used = {name: value for name, value in values.items() if f":{name}" in change}
    with pytest.raises(DBAPIError, match="never changes|of their own|violates"):
        await records.run(
            f"UPDATE github_connections SET {change} WHERE account_id = :account_id",
            account_id=account_id,
            **used,
        )


@pytest.mark.parametrize(
    "change",
    [
        "interval_seconds = 0",
        "interval_seconds = 301",
        "expires_at = created_at",
        "expires_at = created_at + interval '61 minutes'",
        "ciphertext = 'too short'",
    ],
)
async def test_the_database_refuses_a_code_that_cannot_be(records: Records, change: str) -> None:
    account_id = await records.account()
    await records.code(account_id)
    with pytest.raises(DBAPIError, match="violates"):
        await records.run(
            f"UPDATE github_device_codes SET {change} WHERE account_id = :account_id",
            account_id=account_id,
        )


async def test_of_two_accounts_at_once_one_gets_the_user(records: Records) -> None:
    user_id = secrets.randbelow(2**50) + 1
    answers = await asyncio.gather(
        *(records.connected(user_id=user_id) for _ in range(4)), return_exceptions=True
    )
    refused = [answer for answer in answers if isinstance(answer, SpellError)]
    assert [error.code for error in refused] == ["GITHUB_USER_TAKEN"] * 3


async def test_tokens_that_never_expire_are_never_refreshed(records: Records) -> None:
    account_id = await records.connected(tokens=Tokens("access", None, None, None))

    async def never(_: str) -> Tokens | None:
        raise AssertionError

    held = await records.connections.renewed(account_id, never)
    assert held is not None
    assert (held.access, held.is_fresh) == ("access", True)
    user = await records.connections.user(account_id)
    assert user is not None
    assert user.expires_at is None


async def test_a_token_that_expires_and_has_no_successor_ends_the_connection(
    records: Records,
) -> None:
    account_id = await records.connected(tokens=Tokens("access", None, 60, None))

    async def never(_: str) -> Tokens | None:
        raise AssertionError

    assert await records.connections.renewed(account_id, never) is None
    assert await records.connections.tokens(account_id) is None


async def test_a_refresh_that_fails_leaves_everything_as_it_was(records: Records) -> None:
    account_id = await records.connected(tokens=Tokens("access", "refresh", 60, MONTH))
    before = await records.connections.tokens(account_id)

    async def away(_: str) -> Tokens | None:
        raise SpellError("SERVICE_UNAVAILABLE")

    with pytest.raises(SpellError):
        await records.connections.renewed(account_id, away)
    assert await records.connections.tokens(account_id) == before


async def test_only_who_holds_the_tokens_of_now_ends_a_connection(records: Records) -> None:
    account_id = await records.connected(tokens=Tokens("access", "refresh", 60, MONTH))
    stale = await records.connections.tokens(account_id)

    async def fresh(_: str) -> Tokens | None:
        return Tokens("other", "successor", HOUR, MONTH)

    held = await records.connections.renewed(account_id, fresh)
    assert stale is not None
    assert held is not None
    assert not await records.connections.end(account_id, stale)
    assert await records.connections.tokens(account_id) == held
    assert await records.connections.end(account_id, held)


async def test_codes_are_purged_when_their_time_is_up_and_not_before(records: Records) -> None:
    old, new = await records.account(), await records.account()
    for account_id in (old, new):
        await records.code(account_id)
    await records.run(
        "UPDATE github_device_codes SET created_at = created_at - interval '901 s',"
        " expires_at = expires_at - interval '901 s' WHERE account_id = :old",
        old=old,
    )
    assert await records.codes.purge() >= 1
    assert await records.codes.purge(old) == 0
    assert await records.codes.pending(old) is None
    assert await records.codes.pending(new) is not None
