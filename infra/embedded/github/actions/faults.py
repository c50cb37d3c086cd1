"""Faults on order: what a network and GitHub do on a bad day, for a number of times."""

import math
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from infra.embedded.github.actions.documents import Document, Documents

_KIND = "fault"


class FaultKind(StrEnum):
    """What goes wrong."""

    ERROR_BEFORE = "error_before"
    """5xx to a write, which is not accepted."""
    ERROR_AFTER = "error_after"
    """5xx to a write that was accepted."""
    DROP_BEFORE = "drop_before"
    """The connection breaks, and the write was not accepted."""
    DROP_AFTER = "drop_after"
    """The connection breaks after a write was accepted."""
    SECONDARY_RATE_LIMIT = "secondary_rate_limit"
    """403 (or `status`) with `retry-after`, to any request of the repository."""
    PRIMARY_RATE_LIMIT = "primary_rate_limit"
    """403 (or `status`) with `x-ratelimit-remaining: 0`, to any request of the repository."""
    SLOW_ANSWER = "slow_answer"
    """The answer comes `seconds` later; what was asked for is done at once."""
    SLOW_RUN = "slow_run"
    """A run stays queued for `seconds`."""
    STUCK_RUN = "stuck_run"
    """A run stays queued until somebody cancels it, over restarts too."""
    UNLISTED_RUN = "unlisted_run"
    """A run is in no list for its first `seconds`."""
    WEBHOOK_LOST = "webhook_lost"
    """A webhook is recorded, but never sent."""
    WEBHOOK_TWICE = "webhook_twice"
    """A webhook is sent twice, under one delivery id."""
    WEBHOOK_LATE = "webhook_late"
    """A webhook is sent `seconds` later; those after it are not held up."""
    WEBHOOK_SWAPPED = "webhook_swapped"
    """A webhook is sent after the next one."""


class Fault(BaseModel):
    """An order for a fault."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: FaultKind
    repository: str | None = Field(default=None, max_length=200)
    """`owner/name`; every repository without it."""
    write: str | None = Field(default=None, max_length=100)
    """A word of the address of writes that are meant, such as `generate`, `contents`, `cancel` or
    `access_tokens`. Without it: of errors and drops, dispatches; of rate limits, any request of the
    repository."""
    path: str = Field(default="", max_length=200)
    """Only requests whose path ends so, reads too."""
    times: int = Field(default=1, ge=1, le=10_000)
    seconds: float = Field(default=1.0, ge=0, le=3600)
    """How long, or after how long to try again."""
    status: int = Field(default=0, ge=0, le=599)
    """Another status than the usual one; 0 for the usual one."""


class Faults:
    """The faults that are still to come."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def order(self, fault: Fault) -> Document:
        """Keep an order; as it is kept."""
        fault_id = self._documents.add(_KIND, fault.model_dump(mode="json"))
        return {"id": fault_id, **fault.model_dump(mode="json")}

    def ordered(self) -> list[Document]:
        """What is still to come."""
        return [_shown(document) for document in self._documents.all(_KIND)]

    def clear(self) -> None:
        """Forget all orders."""
        for document in self._documents.all(_KIND):
            self._documents.drop(_KIND, document["id"])

    def take(
        self,
        kind: FaultKind,
        repository: str,
        words: frozenset[str | None] = frozenset({None}),
        path: str = "",
    ) -> Fault | None:
        """Use up one fault of a kind that is meant; None when there is none.

        Args:
            kind: what is to go wrong.
            repository: where it would.
            words: for which `write` it would.
            path: for which address it would.
        """
        for document in self._documents.all(_KIND):
            is_meant = (
                document["repository"] in {None, repository}
                and document.get("write") in words
                and path.endswith(document.get("path", ""))
            )
            if document["kind"] == kind and is_meant:
                left = self._documents.change(_KIND, document["id"], _use)
                if left is not None:
                    if left["times"] == 0:
                        self._documents.drop(_KIND, document["id"])
                    return Fault.model_validate({**_said(document)})
        return None

    def queue_seconds(self, repository: str) -> float:
        """How long a new run of the repository is to stay queued."""
        if self.take(FaultKind.STUCK_RUN, repository):
            return math.inf
        slow = self.take(FaultKind.SLOW_RUN, repository)
        return slow.seconds if slow else 0.0


def _use(document: Document) -> bool | None:
    if document["times"] < 1:
        return False
    document["times"] -= 1
    return None


def _said(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: document[name] for name in Fault.model_fields if name in document}


def _shown(document: Mapping[str, Any]) -> Document:
    return {"id": document["id"], **_said(document)}
