"""Reads verdicts from the bus, on which whoever has got hold of a runner may write anything."""

import json
import logging
from typing import Any

from pydantic import ValidationError

from schema.contracts.run import RUN_SCHEMA_VERSION, Outcome, Verdict
from schema.errors import SpellError, catalogue

_log = logging.getLogger(__name__)


def read_verdict(cast_id: str, body: bytes) -> Verdict:
    """The verdict in an accepted message.

    No other is ever accepted for the cast, so a message that is none ends it as RUNNER_LOST.

    Raises:
        SpellError: SERVICE_UNAVAILABLE, it is of a newer version: a newer worker can read it.
    """
    try:
        verdict = Verdict.model_validate_json(body)
    except ValidationError as error:
        if _version_of(body) > RUN_SCHEMA_VERSION:
            raise SpellError("SERVICE_UNAVAILABLE", retry_after=5) from None
        _log.error("a verdict is none, in %d ways", error.error_count(), extra={"cast_id": cast_id})
        return _lost(cast_id)
    known = verdict.code is None or verdict.code in catalogue()
    if verdict.cast_id != cast_id or not known:
        _log.error("a verdict is another cast's, or of no known code", extra={"cast_id": cast_id})
        return _lost(cast_id)
    return verdict


def _version_of(body: bytes) -> int:
    try:
        members: Any = json.loads(body)
    except (ValueError, RecursionError):
        return 0
    version = members.get("schema_version") if isinstance(members, dict) else None
    return version if isinstance(version, int) else 0


def _lost(cast_id: str) -> Verdict:
    return Verdict(cast_id=cast_id, outcome=Outcome.LOST, code="RUNNER_LOST")
