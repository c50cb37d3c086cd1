"""What `dev` and `demo` share: the embedded platform with our processes, and a first account."""

import asyncio
import os
from pathlib import Path

from cli.client import CLIENT_FILE, LocalSigning, Profile
from infra.embedded.environment import external_variables
from infra.embedded.output import LogSink
from infra.embedded.own_processes import PlatformContext, spell_processes
from infra.embedded.platform import EmbeddedPlatform
from infra.embedded.sigstore_server import client_config_file
from infra.platform import make_vault, open_database
from infra.repositories.accounts import PostgresAccounts
from infra.settings import PlatformSettings
from schema.scopes import Scope

FIRST_CREDIT_MICROS = 100_000_000


def local_platform(data_dir: Path, sink: LogSink, *, usual_ports: bool = True) -> EmbeddedPlatform:
    """Servers and our processes in a data directory; what SPELL_… names is not started."""
    return EmbeddedPlatform(
        data_dir,
        spell_processes,
        sink=sink,
        external=external_variables(os.environ),
        usual_ports=usual_ports,
    )


def settings_of(context: PlatformContext) -> PlatformSettings:
    """The settings that our processes got, for work in this one."""
    prefix = "SPELL_"
    return PlatformSettings.model_validate(
        {
            name.removeprefix(prefix).lower(): value
            for name, value in context.platform_environment.items()
            if name.startswith(prefix)
        }
    )


async def first_account(context: PlatformContext, data_dir: Path) -> Profile:
    """The data directory's own account with all scopes and 100 USD to spend; made once."""
    if (data_dir / CLIENT_FILE).is_file():
        saved = await asyncio.to_thread(Profile.load, data_dir)
        key = saved.api_key
    else:
        settings = settings_of(context)
        async with open_database(settings) as database:
            accounts = PostgresAccounts(database, pepper=make_vault(settings).api_key_pepper)
            account_id = await accounts.create("local account")
            _, key = await accounts.create_key(account_id, "local", list(Scope), None)
            await accounts.credit(
                account_id, FIRST_CREDIT_MICROS, "USD", reference=f"first:{account_id}"
            )
    profile = Profile(context.endpoints.api_url, key, signing_of(context))
    await asyncio.to_thread(profile.save, data_dir)
    return profile


def signing_of(context: PlatformContext) -> LocalSigning | None:
    """Where to sign; None when the user brings a trusted root, and so a Sigstore, of their own."""
    if not context.endpoints.sigstore_url:
        return None
    return LocalSigning(
        url=context.endpoints.sigstore_url,
        token_secret=context.credentials.sigstore_token_secret,
        config_file=str(client_config_file(context.layout)),
    )
