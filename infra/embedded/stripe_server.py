"""The platform's Stripe: pages to pay on without money, until the user brings a real one."""

import sys
from pathlib import Path

from infra.embedded import probes
from infra.embedded.credentials import Credentials
from infra.embedded.environment import base_environment
from infra.embedded.layout import Layout
from infra.embedded.process_spec import ProcessSpec
from infra.embedded.stripe.files import KEY, WEBHOOK_SECRET, WEBHOOK_URL

# The folder that holds our top-level packages, in a checkout as in an installation.
_CODE = Path(__file__).parents[2]


def stripe_spec(layout: Layout, port: int, credentials: Credentials, api_url: str) -> ProcessSpec:
    """The server process; it delivers its events to the api."""
    return ProcessSpec(
        name="stripe",
        argv=[sys.executable, "-m", "infra.embedded.stripe", str(layout.stripe), str(port)],
        environment={
            **base_environment(),
            KEY: credentials.stripe_key,
            WEBHOOK_URL: f"{api_url}/v1/webhooks/stripe",
            WEBHOOK_SECRET: credentials.stripe_webhook_secret,
        },
        ready=probes.http(port, "/health"),
        working_directory=_CODE,
    )
