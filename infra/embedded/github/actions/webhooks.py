"""Tells Apps of runs and jobs, signed, and remembers every attempt.

GitHub sends once and lets an App ask again; this does too, and sends again by itself where
`attempts` is more than one.
"""

import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Timer
from typing import Any

import httpx

from infra.embedded.github.actions.clock import stamp
from infra.embedded.github.actions.documents import Document, Documents
from infra.embedded.github.actions.faults import FaultKind, Faults
from infra.embedded.github.actions.host import Host, HostedRepository, WebhookTarget

KIND = "delivery"
# GitHub gives a receiver 10 s: https://docs.github.com/webhooks/using-webhooks/best-practices
_TIMEOUT_SECONDS = 10.0
_PAUSE_SECONDS = 0.5


class Webhooks:
    """Deliveries to Apps, each App's in the order of what happened.

    Args:
        host: knows which App wants to hear.
        documents: the delivery log.
        faults: what is to be lost, or sent twice, later or in another order.
        attempts: how often to send what is not taken.
    """

    def __init__(self, host: Host, documents: Documents, faults: Faults, attempts: int = 1) -> None:
        self._host = host
        self._documents = documents
        self._faults = faults
        self._attempts = attempts
        self._held: list[tuple[WebhookTarget, HostedRepository, Document]] = []
        self._sender = ThreadPoolExecutor(max_workers=1, thread_name_prefix="webhooks")
        self._client = httpx.Client(timeout=_TIMEOUT_SECONDS, trust_env=False)

    def close(self) -> None:
        """Stop sending; what is not sent is in the log."""
        self._sender.shutdown(wait=False, cancel_futures=True)
        self._client.close()

    def tell(self, repository: HostedRepository, event: str, body: Mapping[str, Any]) -> None:
        """Send an event to every App that is installed there and wants it."""
        for target in self._host.targets(repository.repository_id):
            if event in target.events or not target.events:
                self._sender.submit(self._deliver, target, repository, event, dict(body))

    def redeliver(self, delivery: Document) -> None:
        """Send a past delivery again, under its first delivery id."""
        for target in self._host.targets(delivery["repository_id"]):
            if target.app_id == delivery["parent_id"]:
                self._sender.submit(self._attempt, target, delivery, True)

    def _deliver(
        self, target: WebhookTarget, repository: HostedRepository, event: str, body: Document
    ) -> None:
        body["installation"] = {"id": target.installation_id, "node_id": "MDIz"}
        draft: Document = {
            "guid": str(uuid.uuid4()),
            "event": event,
            "action": body.get("action"),
            "installation_id": target.installation_id,
            "repository_id": repository.repository_id,
            "payload": body,
        }
        if self._faults.take(FaultKind.WEBHOOK_LOST, repository.full_name):
            self._record(target, draft, 0, "lost", 0.0, False)
        elif late := self._faults.take(FaultKind.WEBHOOK_LATE, repository.full_name):
            self._later(late.seconds, target, repository, draft)
        elif self._faults.take(FaultKind.WEBHOOK_SWAPPED, repository.full_name):
            self._held.append((target, repository, draft))
        else:
            self._send(target, repository, draft)
            while self._held:
                self._send(*self._held.pop())

    def _later(
        self, seconds: float, target: WebhookTarget, repository: HostedRepository, draft: Document
    ) -> None:
        def submit() -> None:
            # A server that ends meanwhile has lost it.
            with suppress(RuntimeError):
                self._sender.submit(self._send, target, repository, draft)

        timer = Timer(seconds, submit)
        timer.daemon = True
        timer.start()

    def _send(self, target: WebhookTarget, repository: HostedRepository, draft: Document) -> None:
        twice = self._faults.take(FaultKind.WEBHOOK_TWICE, repository.full_name) is not None
        taken = self._attempt(target, draft, False)
        if twice:
            self._attempt(target, draft, False)
        for _ in range(self._attempts - 1):
            if taken:
                return
            time.sleep(_PAUSE_SECONDS)
            taken = self._attempt(target, draft, True)

    def _attempt(self, target: WebhookTarget, draft: Document, again: bool) -> bool:
        content = json.dumps(draft["payload"]).encode()
        began = time.monotonic()
        try:
            answer = self._client.post(
                target.url, content=content, headers=_headers(target, draft, content)
            )
            code, status = answer.status_code, "OK" if answer.is_success else answer.reason_phrase
        except httpx.HTTPError as error:
            code, status = 0, type(error).__name__
        self._record(target, draft, code, status, time.monotonic() - began, again)
        return 200 <= code < 300  # noqa: PLR2004  (the success class of HTTP)

    def _record(
        self,
        target: WebhookTarget,
        draft: Document,
        code: int,
        status: str,
        seconds: float,
        again: bool,
    ) -> None:
        entry = {
            **{name: draft[name] for name in ("guid", "event", "action", "installation_id")},
            "payload": draft["payload"],
            "delivered_at": stamp(),
            "redelivery": again,
            "duration": round(seconds, 3),
            "status": status,
            "status_code": code,
            "url": target.url,
        }
        self._documents.add(KIND, entry, draft["repository_id"], target.app_id)


def _headers(target: WebhookTarget, draft: Document, content: bytes) -> dict[str, str]:
    digest = hmac.new(target.secret.encode(), content, hashlib.sha256).hexdigest()
    return {
        "Content-Type": "application/json",
        "User-Agent": "GitHub-Hookshot/local",
        "X-GitHub-Delivery": draft["guid"],
        "X-GitHub-Event": draft["event"],
        "X-GitHub-Hook-ID": str(target.app_id),
        "X-GitHub-Hook-Installation-Target-ID": str(target.app_id),
        "X-GitHub-Hook-Installation-Target-Type": "integration",
        "X-Hub-Signature-256": f"sha256={digest}",
    }
