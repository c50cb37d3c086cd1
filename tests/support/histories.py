"""What a workflow's history says to whoever holds the keys: for finding what must not be there."""

import base64
import json
from collections.abc import Iterator
from typing import Any

from temporalio.api.common.v1 import Payload
from temporalio.client import WorkflowHistory

from infra.payload_codec import EncryptingCodec
from infra.vault import PlatformVault


async def readable(history: WorkflowHistory, vault: PlatformVault) -> str:
    """The history as JSON, followed by every payload in clear."""
    document = history.to_json()
    payloads = await EncryptingCodec(vault).decode(list(_payloads(json.loads(document))))
    return "\n".join([document, *(p.data.decode("utf-8", "replace") for p in payloads)])


def _payloads(node: Any) -> Iterator[Payload]:
    if isinstance(node, list):
        for item in node:
            yield from _payloads(item)
    elif isinstance(node, dict) and "metadata" in node and "data" in node:
        yield Payload(
            metadata={name: base64.b64decode(value) for name, value in node["metadata"].items()},
            data=base64.b64decode(node["data"]),
        )
    elif isinstance(node, dict):
        yield from _payloads(list(node.values()))
