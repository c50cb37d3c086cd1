"""Where accounts are told things, in Postgres, encrypted under each account's key.

What is encrypted is kind and address together: a row that somebody moved to another account or kind
does not decrypt as that one's.
"""

from sqlalchemy import text

from infra.postgres import Database
from infra.vault import PlatformVault
from schema.canonical import canonical_json, parse_json
from schema.contracts.notifications import ChannelKind, ChannelView, Destination
from schema.errors import SpellError

_SET = text(
    "INSERT INTO notification_channels (account_id, kind, ciphertext)"
    " VALUES (:account_id, :kind, :ciphertext) ON CONFLICT (account_id, kind) DO UPDATE"
    " SET ciphertext = excluded.ciphertext, updated_at = now()"
)
_LIST = text("SELECT * FROM notification_channels WHERE account_id = :account_id ORDER BY kind")
_REMOVE = text(
    "DELETE FROM notification_channels WHERE account_id = :account_id AND kind = :kind"
    " RETURNING kind"
)


class PostgresNotificationChannels:
    """An account's channels: one of each kind.

    Args:
        database: hands out transactions.
        vault: encrypts and decrypts addresses.
        offered: the kinds that this installation can use.
    """

    def __init__(
        self, database: Database, vault: PlatformVault, offered: frozenset[ChannelKind]
    ) -> None:
        self._database = database
        self._vault = vault
        self._offered = offered

    async def set(self, account_id: str, destination: Destination) -> None:
        """Set a channel, in place of the one of its kind.

        Raises:
            SpellError: VALIDATION_ERROR, this installation has no such channel.
        """
        if destination.kind not in self._offered:
            message = f"This platform sends nothing by {destination.kind.value}."
            raise SpellError("VALIDATION_ERROR", message)
        plain = canonical_json([destination.kind, destination.address])
        row = {
            "account_id": account_id,
            "kind": destination.kind.value,
            "ciphertext": self._vault.encrypt(account_id, plain),
        }
        async with self._database.transaction() as connection:
            await connection.execute(_SET, row)

    async def channels(self, account_id: str) -> list[ChannelView]:
        """The account's channels."""
        async with self._database.reading() as connection:
            rows = (await connection.execute(_LIST, {"account_id": account_id})).all()
        return [
            ChannelView(
                kind=row.kind,
                address=open_destination(
                    self._vault, account_id, row.kind, bytes(row.ciphertext)
                ).address,
                created_at=row.created_at,
                updated_at=row.updated_at,
            )
            for row in rows
        ]

    async def remove(self, account_id: str, kind: ChannelKind) -> None:
        """Remove a channel; deliveries under way are dropped. Raises SpellError(NOT_FOUND)."""
        parameters = {"account_id": account_id, "kind": kind.value}
        async with self._database.transaction() as connection:
            if (await connection.execute(_REMOVE, parameters)).first() is None:
                raise SpellError("NOT_FOUND", f"This account has no channel of kind {kind.value}.")


def open_destination(
    vault: PlatformVault, account_id: str, kind: str, ciphertext: bytes
) -> Destination:
    """Where a channel leads. Raises ValueError: the row is not what was set for this account."""
    # Rows of before webhook endpoints hold an empty secret as well.
    of_kind, address, *_ = parse_json(vault.decrypt(account_id, ciphertext))
    if of_kind != kind:
        raise ValueError(f"the channel {kind} of {account_id} was set as another one")
    return Destination(kind=ChannelKind(of_kind), address=address)
