"""Progress reports of running guests: from the runner's hint to an event of the cast."""

import base64

from activities.ports import CastStore, RunBus, Vault
from schema.canonical import JsonRefusedError, parse_json
from schema.ids import account_of_cast
from schema.limits import PROGRESS_BYTES_MAX
from schema.names import PROGRESS_HINT

_PREFIX = PROGRESS_HINT.decode("ascii")
# What redaction may add to a report that was within its limit.
_REPORT_BYTES_MAX = 4 * PROGRESS_BYTES_MAX


class ProgressNotes:
    """Keeps reports as events, encrypted for the account: a guest may quote its inputs.

    Args:
        casts: where events are kept.
        bus: tells those who follow.
        vault: opens what the runner sealed, and encrypts what is kept.
    """

    def __init__(self, casts: CastStore, bus: RunBus, vault: Vault) -> None:
        self._casts = casts
        self._bus = bus
        self._vault = vault

    async def note(self, cast_id: str, hint: str) -> None:
        """Keep the report that a hint carries; anything else is passed over."""
        report = self._opened(hint.removeprefix(_PREFIX)) if hint.startswith(_PREFIX) else None
        if report is None:
            return
        sealed = self._vault.encrypt(account_of_cast(cast_id), report)
        await self._casts.note_progress(cast_id, base64.b64encode(sealed).decode("ascii"))
        await self._bus.announce_event(cast_id)

    def _opened(self, sealed: str) -> bytes | None:
        """The report's JSON; None when it is none. A runner is trusted with less than we are."""
        try:
            report = self._vault.open_reply(sealed)
            if len(report) > _REPORT_BYTES_MAX or not isinstance(parse_json(report), dict):
                return None
        except (JsonRefusedError, ValueError):
            return None
        return report
