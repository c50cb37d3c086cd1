"""What GitHub delivers to us: is it GitHub's, whose is it, and who has to look?

A delivery is a hint. It may be lost, late or replayed: all that it brings about is one more look at
GitHub, or the end of a run that nobody waits for.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any

from api.actions_ports import ActionsWorkflows, GitHubDeliveries, KnownActionsRuns
from schema.canonical import JsonRefusedError, parse_json
from schema.contracts.actions import ActionsRunRef, LateRun
from schema.errors import SpellError
from schema.ids import CAST_ID_PATTERN

BODY_BYTES_MAX = 5 * 1024 * 1024
_DELIVERY = re.compile(r"^[A-Za-z0-9-]{8,64}$")
_EVENT = re.compile(r"^[a-z_]{1,64}$")
_SIGNED = "sha256="
_WORKFLOWS = ".github/workflows/"
_COMPLETED = "completed"


class GitHubInbox:
    """Takes GitHub's deliveries.

    Args:
        deliveries: remembers them.
        runs: know whose a run is.
        workflows: wait for runs.
        secret: what GitHub signs with; None refuses everything.
    """

    def __init__(
        self,
        deliveries: GitHubDeliveries,
        runs: KnownActionsRuns,
        workflows: ActionsWorkflows,
        secret: str | None,
    ) -> None:
        self._deliveries = deliveries
        self._runs = runs
        self._workflows = workflows
        self._secret = secret

    async def take(self, headers: Mapping[str, str], body: bytes) -> None:
        """Deal with one delivery; what is not about a run of ours changes nothing.

        Raises:
            SpellError: SIGNATURE_INVALID, VALIDATION_ERROR; SERVICE_UNAVAILABLE: deliver again.
        """
        self._check_signature(headers.get("x-hub-signature-256", ""), body)
        delivery_id, event = headers.get("x-github-delivery", ""), headers.get("x-github-event", "")
        if not _DELIVERY.match(delivery_id) or not _EVENT.match(event):
            raise SpellError("VALIDATION_ERROR", "The delivery does not say what it is.")
        payload = _object(body)
        cast_id = await self._cast_of(event, payload)
        if not await self._deliveries.receive(delivery_id, event, cast_id):
            return
        if cast_id is not None and not await self._workflows.run_changed(cast_id):
            await self._cancel_if_late(cast_id, event, payload)
        await self._deliveries.handled(delivery_id)

    def _check_signature(self, signature: str, body: bytes) -> None:
        """GitHub's HMAC over the exact body, compared in constant time."""
        if not self._secret:
            raise SpellError("SIGNATURE_INVALID")
        expected = _SIGNED + hmac.new(self._secret.encode(), body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace")):
            raise SpellError("SIGNATURE_INVALID")

    async def _cast_of(self, event: str, payload: dict[str, Any]) -> str | None:
        repo = str(_member(payload, "repository").get("full_name", ""))
        if event == "workflow_run":
            return await self._named_cast(repo, _member(payload, "workflow_run"))
        if event == "workflow_job":
            run_id: Any = _member(payload, "workflow_job").get("run_id")
            return await self._runs.cast_of(repo, int(run_id)) if _is_id(run_id) else None
        return None

    async def _named_cast(self, repo: str, run: dict[str, Any]) -> str | None:
        """The cast that a run's name says, if it is where that was dispatched to."""
        name, run_id = str(run.get("display_title", "")), run.get("id")
        path = str(run.get("path", "")).partition("@")[0]
        if not CAST_ID_PATTERN.match(name) or not _is_id(run_id):
            return None
        ref = ActionsRunRef(repo=repo, run_id=run_id, html_url=str(run.get("html_url", "")))
        is_ours = await self._runs.may_be_run_of(name, ref, path.removeprefix(_WORKFLOWS))
        return name if is_ours else None

    async def _cancel_if_late(self, cast_id: str, event: str, payload: dict[str, Any]) -> None:
        """A run that appears when its cast has ended; a maker's own re-run is the maker's."""
        run = _member(payload, "workflow_run")
        is_first = run.get("run_attempt", 1) == 1
        if event != "workflow_run" or run.get("status") == _COMPLETED or not is_first:
            return
        repo = str(_member(payload, "repository")["full_name"])
        ref = ActionsRunRef(repo=repo, run_id=run["id"], html_url=str(run.get("html_url", "")))
        await self._workflows.cancel_late(LateRun(cast_id=cast_id, run=ref))


def _object(body: bytes) -> dict[str, Any]:
    try:
        document = parse_json(body)
    except JsonRefusedError as error:
        raise SpellError("VALIDATION_ERROR", f"The body cannot be read: {error}.") from error
    if not isinstance(document, dict):
        raise SpellError("VALIDATION_ERROR", "The body is no JSON object.")
    return document


def _member(payload: dict[str, Any], name: str) -> dict[str, Any]:
    member = payload.get(name)
    return member if isinstance(member, dict) else {}


def _is_id(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**53
