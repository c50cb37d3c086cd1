"""Withdrawing trust: the record first, then the runners, then the casts that are under way."""

import asyncio
import time

from temporalio import activity

from activities._failures import to_failure
from activities.ports import CastStore, RunBus
from activities.revoking_ports import CastRevoker, Revocations, RevokedDigests
from schema.contracts.cast import ReleaseOrder
from schema.contracts.revocation import (
    RecordedRevocation,
    Revocation,
    RevocationKind,
    StopCastsOrder,
    Sweep,
)
from schema.errors import SpellError

# How long one look at the open casts goes on, so that its workflow can tell how far it is.
LOOK_SECONDS = 4.0
PAUSE_SECONDS = 0.1
PAUSE_SECONDS_MAX = 1.0
CASTS_PER_PAGE = 200
DIGESTS_PER_PAGE = 500


class RevokingActivities:
    """Revokes, and lifts revocations.

    Args:
        revocations: the record.
        digests: tells runners.
        casts: tells casts to stop.
        store: ends casts whose workflow cannot.
        bus: wakes those who follow such casts.
    """

    def __init__(
        self,
        revocations: Revocations,
        digests: RevokedDigests,
        casts: CastRevoker,
        store: CastStore,
        bus: RunBus,
    ) -> None:
        self._revocations = revocations
        self._digests = digests
        self._casts = casts
        self._store = store
        self._bus = bus

    @activity.defn(name="revoking.record")
    async def record(self, revocation: Revocation) -> RecordedRevocation:
        """Put the revocation in force, or lift it: from here on admission and settlement obey.

        Effect: a row, and one in the log, in one transaction.
        Same twice: what is in force, or lifted, stays as it is.
        Gives up on: REVOCATION_NOT_FOUND, there never was one to lift.
        Heartbeat: none; one short transaction.
        """
        try:
            return await self._revocations.record(revocation)
        except SpellError as error:
            raise to_failure(error) from error

    @activity.defn(name="revoking.tell_runners")
    async def tell_runners(self, revocation: RecordedRevocation) -> int:
        """Bring the bucket that runners follow to what the record says of each digest.

        Effect: a key of the bucket for each package and module, put or deleted.
        Same twice: the record is asked again, and the keys say the same.
        Gives up on: nothing; runners must know.
        Heartbeat: after each page of digests.
        """
        told, after = 0, ""
        if revocation.trusted.kind is RevocationKind.DIGEST:
            # It may be a module's, which is no package's.
            await self._digests.tell([revocation.trusted.value])
            told = 1
        while page := await self._revocations.affected(
            revocation.trusted, after=after, limit=DIGESTS_PER_PAGE
        ):
            await self._digests.tell(page)
            activity.heartbeat()
            told += len(set(page) - {revocation.trusted.value})
            after = page[-1]
        return told

    @activity.defn(name="revoking.stop_casts")
    async def stop_casts(self, order: StopCastsOrder) -> Sweep:
        """Tell every open cast to stop, and look again until none is left, or it takes too long.

        A cast that is being admitted at this moment may hold its money only after a look; it is
        found by the next one, or it finds the revocation itself before it runs and is paid.

        Effect: casts end as failed, their holds voided.
        Same twice: a cast that has been told already is told again, which changes nothing.
        Gives up on: nothing; the next look follows.
        Heartbeat: after each page of casts.
        """
        revocation_id, told = order.revocation.id, set[str]()
        ends_at, pause = time.monotonic() + LOOK_SECONDS, PAUSE_SECONDS
        while (left := await self._look(revocation_id, told)) and time.monotonic() < ends_at:
            await asyncio.sleep(pause)
            pause = min(2 * pause, PAUSE_SECONDS_MAX)
        return Sweep(stopped=await self._revocations.casts_stopped(revocation_id), left=left)

    async def _look(self, revocation_id: int, told: set[str]) -> int:
        """Tell the open casts that are not told yet; how many are open."""
        found, after = 0, ""
        while page := await self._revocations.open_casts(
            revocation_id, after=after, limit=CASTS_PER_PAGE
        ):
            await asyncio.gather(*(self._stop(one) for one in page if one.cast_id not in told))
            activity.heartbeat()
            told.update(one.cast_id for one in page)
            found, after = found + len(page), page[-1].cast_id
        return found

    async def _stop(self, order: ReleaseOrder) -> None:
        if await self._casts.revoke(order.cast_id, order.problem):
            return
        # Its workflow was terminated: nobody else would end it before the reconciler looks.
        await self._store.release(order)
        await self._bus.announce_event(order.cast_id)
