"""The environments of child processes, built from nothing: no secret of the caller leaks in."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from infra.embedded.credentials import Credentials
from infra.embedded.errors import EmbeddedPlatformError
from infra.vault import code_public_key

# Besides our own: what the client libraries of external stores and collectors read.
_PASSED_ON = ("SPELL_", "AWS_", "AZURE_", "GOOGLE_", "OTEL_")


@dataclass(frozen=True)
class Endpoints:
    """Where everything is. URLs with passwords are not shown in its `repr`."""

    api_url: str
    database_url: str = field(repr=False)
    temporal_address: str
    temporal_ui_url: str
    """Empty with an external Temporal, unless `SPELL_TEMPORAL_UI_URL` says where it is."""
    nats_url: str = field(repr=False)
    runner_nats_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    """`burner://` where there is no Redis server for this Python."""
    object_store_url: str
    trust_root_file: str
    """The Sigstore trusted root that packages' signatures are checked against."""
    sigstore_url: str
    """Where to sign; empty when the user brings a trusted root of their own."""
    github: Mapping[str, str] = field(repr=False)
    """The local GitHub's App, as variables; empty when the user brings GitHub itself."""
    stripe_url: str = ""
    """The local Stripe; empty when the user brings a Stripe of their own."""


def external_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """The user's variables that the platform heeds: external servers, settings, their keys.

    Args:
        environment: usually `os.environ`. Empty values count as not set.
    """
    return {
        name: value for name, value in environment.items() if value and name.startswith(_PASSED_ON)
    }


def base_environment() -> dict[str, str]:
    """What every child gets and a bare server needs."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": os.environ.get("HOME", "/"),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        # Lines must reach the log when they are printed, not when a buffer is full.
        "PYTHONUNBUFFERED": "1",
    }


def platform_environment(
    endpoints: Endpoints, credentials: Credentials, external: Mapping[str, str] | None = None
) -> dict[str, str]:
    """For api, worker, migrations and operator commands: `infra/settings.py`, variable by variable.

    Args:
        endpoints: where the servers are.
        credentials: the data directory's keys.
        external: the user's own variables, which win.
    """
    user = external or {}
    return {
        **base_environment(),
        "SPELL_DATABASE_URL": endpoints.database_url,
        "SPELL_TEMPORAL_ADDRESS": endpoints.temporal_address,
        "SPELL_TEMPORAL_UI_URL": endpoints.temporal_ui_url,
        "SPELL_NATS_URL": endpoints.nats_url,
        "SPELL_REDIS_URL": endpoints.redis_url,
        "SPELL_OBJECT_STORE_URL": endpoints.object_store_url,
        "SPELL_PUBLIC_URL": endpoints.api_url,
        "SPELL_TRUST_ROOT_FILE": endpoints.trust_root_file,
        "SPELL_MASTER_KEY": credentials.master_key,
        "SPELL_RUNNER_PUBLIC_KEY": credentials.runner_public_key,
        **endpoints.github,
        "SPELL_CODEC_OPEN_TO_UI": "true",
        "SPELL_WEBHOOK_LOOPBACK": "true",
        **_stripe_environment(endpoints, credentials),
        **{name: value for name, value in user.items() if not _is_for_runner(name)},
    }


def _stripe_environment(endpoints: Endpoints, credentials: Credentials) -> dict[str, str]:
    """Of the local Stripe; its key is of no use at another."""
    if not endpoints.stripe_url:
        return {}
    return {
        "SPELL_STRIPE_URL": endpoints.stripe_url,
        "SPELL_STRIPE_KEY": credentials.stripe_key,
        "SPELL_STRIPE_WEBHOOK_SECRET": credentials.stripe_webhook_secret,
    }


def runner_environment(
    endpoints: Endpoints,
    credentials: Credentials,
    folder: Path,
    external: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """For a runner: its bus user, its private key, its folder, its size. No other secret, ever.

    Args:
        endpoints: where the servers are.
        credentials: the data directory's keys.
        folder: where it may keep caches and scratch files.
        external: the user's own variables; those for the runner win.
    """
    user = external or {}
    return {
        **base_environment(),
        "SPELL_RUNNER_NATS_URL": endpoints.runner_nats_url,
        "SPELL_RUNNER_PRIVATE_KEY": credentials.runner_private_key,
        "SPELL_RUNNER_CODE_PUBLIC_KEY": _code_key(
            user.get("SPELL_MASTER_KEY", credentials.master_key)
        ),
        "SPELL_RUNNER_DATA_DIR": str(folder),
        "SPELL_RUNNER_CHILDREN": str(os.cpu_count() or 1),
        **{name: value for name, value in user.items() if _is_for_runner(name)},
    }


def _code_key(master_key: str) -> str:
    try:
        return code_public_key(master_key)
    except ValueError as error:
        raise EmbeddedPlatformError(f"SPELL_MASTER_KEY is of no use: {error}") from None


def _is_for_runner(name: str) -> bool:
    """The runner's own settings; its public key is for those who seal inputs to it."""
    return name.startswith("SPELL_RUNNER_") and name != "SPELL_RUNNER_PUBLIC_KEY"
