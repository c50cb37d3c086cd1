"""`spell identities …`: who may sign your packages."""

from typing import Annotated

import typer

from cli.client import in_path
from cli.context import cli_context

identities = typer.Typer(no_args_is_help=True, help="Say who may sign your packages.")

IssuerOption = Annotated[str, typer.Option(help="Who vouches for the signer: an https address.")]
IdentityOption = Annotated[
    str | None, typer.Option(help="Exactly who signs: an e-mail address or a workflow's URI.")
]
RepositoryOption = Annotated[
    str | None, typer.Option(help="owner/name on GitHub whose workflow signs.")
]
RefOption = Annotated[
    str | None, typer.Option(help="Git ref of the workflow; a * at its end stands for anything.")
]

_PATH = "/v1/signing-identities"


@identities.command("list")
def list_identities(context: typer.Context) -> None:
    """List who may sign; where nobody is listed, the first signer of a spell is pinned."""
    cli = cli_context(context)
    found = cli.api.json("GET", _PATH)
    rows = [
        (
            one["id"],
            one["spell_key"] or "every spell",
            one["rule"]["identity"] or one["rule"]["repository"],
            one["rule"]["ref"] or "",
            one["rule"]["issuer"],
            one["origin"],
        )
        for one in found
    ]
    cli.output.table(found, ("id", "spell", "signer", "ref", "issuer", "origin"), rows)


@identities.command("allow")
def allow_identity(
    context: typer.Context,
    issuer: IssuerOption,
    identity: IdentityOption = None,
    repository: RepositoryOption = None,
    ref: RefOption = None,
    spell: Annotated[str | None, typer.Option(help="Only this spell; else all of yours.")] = None,
) -> None:
    """Let somebody sign, from the next publication on."""
    cli = cli_context(context)
    body = {
        "issuer": issuer,
        "identity": identity,
        "repository": repository,
        "ref": ref,
        "spell_key": spell,
    }
    made = cli.api.json("POST", _PATH, json=body)
    cli.output.document(made, f"{made['id']}: {identity or repository} may sign")


@identities.command("remove")
def remove_identity(
    context: typer.Context, identity_id: Annotated[str, typer.Argument(help="As `list` shows it.")]
) -> None:
    """Take a rule back; where none is left, the next signer is trusted on first use."""
    cli = cli_context(context)
    cli.api.json("DELETE", f"{_PATH}/{in_path(identity_id)}")
    cli.output.document({"removed": identity_id}, f"removed {identity_id}")
