"""Faults on order: what a network and GitHub do on a bad day, for a number of times."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from infra.embedded.github.actions.documents import Document, Documents

_KIND = "fault"


class FaultKind(StrEnum):
    """What goes wrong."""

    ERROR_BEFORE = "error_before"
    """5xx to a dispatch, which is not accepted."""
    ERROR_AFTER = "error_after"
    """5xx to a dispatch that was accepted."""
    DROP_AFTER = "drop_after"
    """The connection breaks after a dispatch was accepted."""
    SECONDARY_RATE_LIMIT = "secondary_rate_limit"
    """403 (or `status`) with `retry-after`, to any request of the repository."""
    PRIMARY_RATE_LIMIT = "primary_rate_limit"
    """403 (or `status`) with `x-ratelimit-remaining: 0`, to any request of the repository."""
    SLOW_ANSWER = "slow_answer"
    """Any answer comes `seconds` later."""
    SLOW_RUN = "slow_run"
    """A run stays queued for `seconds`."""
    UNLISTED_RUN = "unlisted_run"
    """A run is in no list for its first `seconds`."""
    WEBHOOK_LOST = "webhook_lost"
    """A webhook is recorded, but never sent."""
    WEBHOOK_TWICE = "webhook_twice"
    """A webhook is sent twice, under one delivery id."""


class Fault(BaseModel):
    """An order for a fault."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: FaultKind
    repository: str | None = Field(default=None, max_length=200)
    """`owner/name`; every repository without it."""
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

    def take(self, kind: FaultKind, repository: str) -> Fault | None:
        """Use up one fault of a kind that is meant for the repository; None when there is none."""
        for document in self._documents.all(_KIND):
            if document["kind"] == kind and document["repository"] in {None, repository}:
                left = self._documents.change(_KIND, document["id"], _use)
                if left is not None:
                    if left["times"] == 0:
                        self._documents.drop(_KIND, document["id"])
                    return Fault.model_validate({**_said(document)})
        return None


def _use(document: Document) -> bool | None:
    if document["times"] < 1:
        return False
    document["times"] -= 1
    return None


def _said(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: document[name] for name in Fault.model_fields}


def _shown(document: Mapping[str, Any]) -> Document:
    return {"id": document["id"], **_said(document)}
