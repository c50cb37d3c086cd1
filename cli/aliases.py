"""`spell alias` and `spell consent`: names of versions, and what they may lead you to."""

from typing import Annotated

import typer

from cli.client import in_path
from cli.context import cli_context

alias = typer.Typer(no_args_is_help=True, help="Name versions of your spells.")

SpellArgument = Annotated[str, typer.Argument(help="The spell's key.")]
AliasArgument = Annotated[str, typer.Argument(help="Such as stable.")]
VersionArgument = Annotated[str, typer.Argument(help="Such as 1.2.0.")]


@alias.command("set")
def set_alias(
    context: typer.Context, spell: SpellArgument, name: AliasArgument, version: VersionArgument
) -> None:
    """Name a version of your spell."""
    cli = cli_context(context)
    path = f"/v1/spells/{in_path(spell)}/aliases/{in_path(name)}"
    cli.api.request("PUT", path, json={"version": version})
    document = {"spell": spell, "alias": name, "version": version}
    cli.output.document(document, f"{spell} {name} is {version}")


@alias.command("list")
def list_aliases(context: typer.Context, spell: SpellArgument) -> None:
    """What versions are called; `latest` is the highest published release."""
    cli = cli_context(context)
    found = cli.api.json("GET", f"/v1/spells/{in_path(spell)}/aliases")
    cli.output.table(found, ["alias", "version"], list(found.items()))


@alias.command("remove")
def remove_alias(context: typer.Context, spell: SpellArgument, name: AliasArgument) -> None:
    """Take a name back."""
    cli = cli_context(context)
    cli.api.request("DELETE", f"/v1/spells/{in_path(spell)}/aliases/{in_path(name)}")
    cli.output.document({"spell": spell, "alias": name}, f"{spell} has no {name} any more")


def consent(context: typer.Context, spell: SpellArgument, version: VersionArgument) -> None:
    """Agree to what a version may do and costs, so that aliases may lead you to it."""
    cli = cli_context(context)
    cli.api.request("POST", f"/v1/spells/{in_path(spell)}:consent", json={"version": version})
    document = {"spell": spell, "version": version}
    cli.output.document(document, f"you agreed to {spell} {version}")
