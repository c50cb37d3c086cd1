"""The platform's GitHub: runs makers' workflows here, until the user brings the real one."""

import sys
from pathlib import Path

from cryptography.hazmat.primitives import serialization

from infra.embedded import probes
from infra.embedded.credentials import Credentials
from infra.embedded.environment import base_environment
from infra.embedded.github.__main__ import PUBLIC_KEY, WEBHOOK_URL
from infra.embedded.layout import Layout
from infra.embedded.ports import LOOPBACK
from infra.embedded.process_spec import ProcessSpec

APP_ID, APP_SLUG, CLIENT_ID = "1", "spell-platform-local", "Iv1.spell-platform-local"
# The folder that holds our top-level packages, in a checkout as in an installation.
_CODE = Path(__file__).parents[2]


def github_url(port: int) -> str:
    """Where the API and the pages are: on GitHub itself these are two hosts."""
    return f"http://{LOOPBACK}:{port}"


def app_environment(port: int, credentials: Credentials) -> dict[str, str]:
    """The App, as the platform's processes know it."""
    return {
        "SPELL_GITHUB_API_URL": github_url(port),
        "SPELL_GITHUB_URL": github_url(port),
        "SPELL_GITHUB_APP_ID": APP_ID,
        "SPELL_GITHUB_APP_SLUG": APP_SLUG,
        "SPELL_GITHUB_APP_KEY": credentials.github_app_key,
        "SPELL_GITHUB_CLIENT_ID": CLIENT_ID,
        "SPELL_GITHUB_CLIENT_SECRET": credentials.github_client_secret,
        "SPELL_GITHUB_WEBHOOK_SECRET": credentials.github_webhook_secret,
    }


def github_spec(layout: Layout, port: int, credentials: Credentials, api_url: str) -> ProcessSpec:
    """The server process; it has the public half of the App's key, and tells the api of runs."""
    known = app_environment(port, credentials)
    known.pop("SPELL_GITHUB_APP_KEY")
    return ProcessSpec(
        name="github",
        argv=[sys.executable, "-m", "infra.embedded.github", str(layout.github), str(port)],
        environment={
            **base_environment(),
            **known,
            PUBLIC_KEY: _public_half(credentials.github_app_key),
            WEBHOOK_URL: f"{api_url}/v1/webhooks/github",
        },
        ready=probes.http(port, "/health"),
        working_directory=_CODE,
    )


def _public_half(private_key: str) -> str:
    key = serialization.load_pem_private_key(private_key.encode("ascii"), password=None)
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return public.decode("ascii")
