"""Which commands there are: the help page, from top to bottom. A new command is a row here."""

from collections.abc import Callable

import typer

from cli import (
    account,
    advisory_exceptions,
    aftercare,
    aliases,
    artifacts,
    bills,
    building,
    caps,
    casts,
    demo,
    dev,
    github,
    identities,
    ledger,
    modes,
    notifications,
    operator,
    publishing,
    purchases,
    receipts,
    revocations,
    scaffold,
    schedules,
    signing,
    spell_secrets,
    suspensions,
    testing,
    usage,
    verify,
    webhooks,
)

Command = Callable[..., None] | typer.Typer

_PANELS: dict[str, dict[str, Command]] = {
    "Try it here": {"dev": dev.dev, "demo": demo.demo},
    "Make and publish": {
        "new": scaffold.new,
        "build": building.build,
        "test": testing.check_spell,
        "sbom": bills.sbom,
        "sign": signing.sign,
        "verify": verify.verify,
        "publish": publishing.publish,
        "alias": aliases.alias,
        "identities": identities.identities,
        "secrets": spell_secrets.secrets,
        "vulnerabilities": aftercare.vulnerabilities,
        "violations": suspensions.violations,
    },
    "Cast": {
        "spells": account.list_spells,
        "consent": aliases.consent,
        "cast": casts.cast,
        "casts": casts.casts,
        "show": casts.show,
        "follow": casts.follow,
        "logs": casts.logs,
        "artifacts": artifacts.artifacts,
        "cancel": casts.cancel,
        "receipt": receipts.receipt,
        "buy": purchases.buy,
        "purchases": purchases.purchases,
        "schedules": schedules.schedules,
    },
    "Your account": {
        "keys": account.keys,
        "cap": caps.cap,
        "billing": usage.billing,
        "modes": modes.modes,
        "github": github.github,
        "notifications": notifications.notifications,
        "webhooks": webhooks.webhooks,
    },
    "Operate": {
        "revoke": revocations.revoke,
        "revocations": revocations.revocations,
        "suspend": suspensions.suspend,
        "unsuspend": suspensions.unsuspend,
        "advisories": advisory_exceptions.advisories,
        "rescan": aftercare.rescan,
        "audit": aftercare.audit,
        "ledger": ledger.ledger,
        "accounts": operator.accounts,
        "db": operator.db,
        "runs": operator.runs,
    },
}


def add_commands(app: typer.Typer) -> None:
    """Give the command all of its commands."""
    for panel, commands in _PANELS.items():
        for name, command in commands.items():
            if isinstance(command, typer.Typer):
                app.add_typer(command, name=name, rich_help_panel=panel)
            else:
                app.command(name, rich_help_panel=panel)(command)
