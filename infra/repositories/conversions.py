"""Changes of currency: a pair of transfers through the platform's `conversion` accounts.

    USD: caster_credit -> conversion        EUR: conversion -> caster_credit

Each currency's sum stays zero. The rate is a fraction and has a source; what is bought is rounded
down, and the platform's accounts keep what that leaves. Nothing converts by itself.
"""

from dataclasses import dataclass
from fractions import Fraction

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.postgres import Database
from infra.repositories import budgets
from infra.repositories.ledger import LedgerAccountName, Transfer, move_money, open_accounts
from schema.errors import SpellError

_RECORD = text(
    "INSERT INTO ledger_conversions (id, from_account_id, to_account_id, rate_numerator,"
    " rate_denominator, rate_source, sold_micros, bought_micros) VALUES (:id, :from_account,"
    " :to_account, :numerator, :denominator, :source, :sold, :bought)"
    " ON CONFLICT (id) DO NOTHING RETURNING id"
)
_CHANGE_BALANCE = text(
    "INSERT INTO budget_caps (account_id, kind, scope_id, currency, cap_micros)"
    " VALUES (:account_id, 'balance', '', :currency, greatest(:amount, 0))"
    " ON CONFLICT (account_id, kind, scope_id, currency)"
    " DO UPDATE SET cap_micros = budget_caps.cap_micros + :amount, updated_at = now()"
)


@dataclass(frozen=True)
class Conversion:
    """An order to change credit of an account into another currency.

    Attributes:
        id: `conv_…`, the business id: the same one converts once.
        account_id: whose credit.
        sell: the currency to give.
        buy: the currency to get.
        sold_micros: how much to give.
        rate: what one unit of `sell` is worth in `buy`.
        source: who says so, and of when, such as `ecb 2026-11-25`.
    """

    id: str
    account_id: str
    sell: str
    buy: str
    sold_micros: int
    rate: Fraction
    source: str

    @property
    def bought_micros(self) -> int:
        """What is got: rounded down."""
        return self.sold_micros * self.rate.numerator // self.rate.denominator


class PostgresConversions:
    """Converts credit."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def convert(self, order: Conversion) -> bool:
        """Change credit once; False when this order was carried out before.

        Raises:
            SpellError: PAYMENT_REQUIRED, when so much is not there.
        """
        async with self._database.transaction() as connection:
            sides = [_credit(order, order.sell), _credit(order, order.buy)]
            desks = [LedgerAccountName("conversion", None, each.currency) for each in sides]
            await open_accounts(connection, [*sides, *desks])
            if not await _record(connection, order, sides):
                return False
            left = await budgets.balance_left(connection, order.account_id, order.sell)
            if left < order.sold_micros:
                raise SpellError("PAYMENT_REQUIRED", "There is not that much credit to convert.")
            sold, bought = order.sold_micros, order.bought_micros
            sell = Transfer(f"{order.id}:sell", "conversion", sides[0], desks[0], sold)
            buy = Transfer(f"{order.id}:buy", "conversion", desks[1], sides[1], bought)
            await move_money(connection, [sell, buy])
            for currency, amount in ((order.sell, -sold), (order.buy, bought)):
                values = {"account_id": order.account_id, "currency": currency, "amount": amount}
                await connection.execute(_CHANGE_BALANCE, values)
        return True


def _credit(order: Conversion, currency: str) -> LedgerAccountName:
    return LedgerAccountName("caster_credit", order.account_id, currency)


async def _record(
    connection: AsyncConnection, order: Conversion, sides: list[LedgerAccountName]
) -> bool:
    values = {
        "id": order.id,
        "from_account": sides[0].id,
        "to_account": sides[1].id,
        "numerator": order.rate.numerator,
        "denominator": order.rate.denominator,
        "source": order.source,
        "sold": order.sold_micros,
        "bought": order.bought_micros,
    }
    return (await connection.execute(_RECORD, values)).first() is not None
