"""How the platform's requests reach Stripe."""

from collections.abc import Mapping
from typing import Any

import stripe


class FormBodies(stripe.HTTPXClient):
    """Hands Stripe's encoded form to httpx as `content`.

    The library hands text over as `data`, which httpx has deprecated: a later httpx refuses it.
    """

    def _get_request_args_kwargs(
        self, method: str, url: str, headers: Mapping[str, str], post_data: Any
    ) -> Any:
        args, named = super()._get_request_args_kwargs(method, url, headers, post_data)
        del named["data"]
        # Purchases are rare: a connection ends with its answer, so nothing is left to close.
        closing = {**headers, "Connection": "close"}
        return [args, {**named, "headers": closing, "content": post_data or b""}]
