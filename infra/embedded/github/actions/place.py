"""The parts of the Actions half, built once for a server."""

import secrets
from dataclasses import dataclass
from pathlib import Path

from infra.embedded.github.actions.artifacts import Artifacts
from infra.embedded.github.actions.dispatching import Dispatching
from infra.embedded.github.actions.documents import Documents
from infra.embedded.github.actions.engine import Engine
from infra.embedded.github.actions.faults import Faults
from infra.embedded.github.actions.host import Host
from infra.embedded.github.actions.orders import Orders
from infra.embedded.github.actions.runs import Runs
from infra.embedded.github.actions.signed_addresses import SignedAddresses
from infra.embedded.github.actions.views import Views
from infra.embedded.github.actions.webhooks import Webhooks

_KEY, _KEY_BYTES = "key", 32


@dataclass(frozen=True)
class Place:
    """What the routes use."""

    host: Host
    documents: Documents
    views: Views
    faults: Faults
    webhooks: Webhooks
    runs: Runs
    orders: Orders
    engine: Engine
    artifacts: Artifacts
    dispatching: Dispatching
    signed: SignedAddresses

    @staticmethod
    def open(host: Host, folder: Path, slots: int = 2, webhook_attempts: int = 1) -> "Place":
        """Open the folder (made when it is not there).

        Args:
            host: the rest of the local GitHub.
            folder: runs, artifacts and the documents.
            slots: how many runs run at a time.
            webhook_attempts: how often a webhook is sent that is not taken.
        """
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        documents = Documents(folder / "actions.sqlite")
        key, faults, views = _key(documents), Faults(documents), Views(host.base_url)
        webhooks = Webhooks(host, documents, faults, webhook_attempts)
        runs = Runs(host, documents, webhooks, faults, views)
        orders = Orders(host.base_url, key, documents)
        engine = Engine(host, runs, orders, folder / "runs", slots)
        return Place(
            host=host,
            documents=documents,
            views=views,
            faults=faults,
            webhooks=webhooks,
            runs=runs,
            orders=orders,
            engine=engine,
            artifacts=Artifacts(documents, folder / "artifacts", host.base_url, key),
            dispatching=Dispatching(host, documents, runs, engine),
            signed=SignedAddresses(host.base_url, key),
        )

    def close(self) -> None:
        """End what runs, and keep the rest for the next start."""
        self.engine.close()
        self.webhooks.close()
        self.documents.close()


def _key(documents: Documents) -> bytes:
    kept = documents.all(_KEY)
    if kept:
        return bytes.fromhex(kept[0]["hex"])
    key = secrets.token_bytes(_KEY_BYTES)
    documents.add(_KEY, {"hex": key.hex()})
    return key
