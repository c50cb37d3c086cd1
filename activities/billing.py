"""Settlement of casts, and its undo."""

from temporalio import activity

from activities.ports import CastStore, RunBus
from activities.webhook_ports import PromptRelay
from schema.contracts.cast import CastResult, ReleaseOrder, SettleOrder
from schema.ids import cast_message_id


class BillingActivities:
    """Ends casts in money: exactly once, whatever is repeated."""

    def __init__(self, casts: CastStore, bus: RunBus, webhooks: PromptRelay) -> None:
        self._casts = casts
        self._bus = bus
        self._webhooks = webhooks

    @activity.defn(name="billing.settle")
    async def settle(self, order: SettleOrder) -> CastResult:
        """Post the exact cost, void the rest of the hold, end the cast.

        Effect: hold closed, ledger transfers, cast ended, in one transaction; followers woken,
            webhooks sent.
        Same twice: a closed hold answers with what it was closed with.
        Gives up on: nothing; money waits for the database.
        Heartbeat: none; runs as a local activity.
        """
        result = await self._casts.settle(order)
        await self._announce(result)
        return result

    @activity.defn(name="billing.release")
    async def release(self, order: ReleaseOrder) -> CastResult:
        """Undo of the hold: void it and end the cast uncharged.

        Effect: hold voided and cast ended; without a hold, a record that none can follow.
        Same twice: a closed hold stays as it is.
        Gives up on: nothing; a hold must not be left behind.
        Heartbeat: none; one short transaction.
        """
        result = await self._casts.release(order)
        await self._announce(result)
        return result

    async def _announce(self, result: CastResult) -> None:
        """Wake whoever follows the cast, and send what tells of its end."""
        await self._bus.announce_event(result.cast_id)
        if result.told:
            await self._webhooks.tell(cast_message_id(result.cast_id))
