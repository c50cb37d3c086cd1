"""`spell receipt …`: get receipts, check them without asking anybody, replay what they say ran."""

import time
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.casts import CastArgument
from cli.client import CliError, ExitCode, in_path
from cli.context import CliContext, cli_context
from cli.files import read_file, write_file
from cli.replays import replay_here
from schema.canonical import JsonRefusedError, canonical_json, parse_json
from schema.contracts.receipt import AnyReceipt, Check, Envelope
from schema.contracts.replay import ReplayReport
from schema.receipt_checks import artifact_check, input_check, output_check, standing_checks
from schema.receipts import (
    RECEIPT_BYTES_MAX,
    ReceiptRefusedError,
    payload_of,
    read_envelope,
    read_statement,
)

receipt = typer.Typer(no_args_is_help=True, help="Get, check and replay receipts of casts.")

KEYS_PATH = "/v1/receipts/keys"
_PAUSE_SECONDS = 1.0
OutOption = Annotated[
    Path | None, typer.Option("--out", "-o", help="Write it to this file.", dir_okay=False)
]


@receipt.command("get")
def get_receipt(
    context: typer.Context,
    cast_id: CastArgument,
    out: OutOption = None,
    output: Annotated[
        Path | None, typer.Option(help="Write the cast's output, byte for byte, to this file.")
    ] = None,
) -> None:
    """Get the signed receipt of a cast that has ended."""
    cli = cli_context(context)
    path = f"/v1/casts/{in_path(cast_id)}"
    envelope = cli.api.request("GET", f"{path}/receipt").content
    if output is not None:
        write_file(output, cli.api.request("GET", f"{path}/output").content)
    _give(cli, envelope, out)


@receipt.command("keys")
def get_keys(context: typer.Context, out: OutOption = None) -> None:
    """Get the public keys that receipts are checked by, for checking without the platform."""
    cli = cli_context(context)
    _give(cli, cli.api.request("GET", KEYS_PATH).content, out)


@receipt.command("verify")
def verify_receipt(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A receipt, as `spell receipt get` writes it.")],
    key: Annotated[
        str | None,
        typer.Option(help="Public key: a file (key set, PEM) or base64. Default: asks for it."),
    ] = None,
    inputs: Annotated[
        Path | None, typer.Option("--input", help="The inputs, a JSON file: compare digests.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="The output, byte for byte: compare digests.")
    ] = None,
    artifacts: Annotated[
        Path | None,
        typer.Option(
            help="A folder, as `spell artifacts save` makes it: compare digests.",
            exists=True,
            file_okay=False,
        ),
    ] = None,
    replay: Annotated[
        bool, typer.Option("--replay", help="Run the module again and compare; needs --input.")
    ] = False,
    module: Annotated[
        Path | None, typer.Option(help="The module, to replay. Default: asks for it, as its maker.")
    ] = None,
) -> None:
    """Check a receipt: signature, sums, digests, and what a replay gives."""
    cli = cli_context(context)
    if replay and inputs is None:
        raise CliError("--replay needs --input: the platform keeps no inputs.", ExitCode.USAGE)
    content = _canonical_inputs(inputs) if inputs else None
    found = read_file(output) if output else None
    stated, checks = _checked(cli, file, key)
    if content is not None:
        checks.append(input_check(stated, content))
    if found is not None:
        checks.append(output_check(stated, found))
    if artifacts is not None:
        checks += _artifact_checks(stated, artifacts)
    # What does not hold, or is about another input, need not be run.
    if replay and content is not None and all(check.passed for check in checks):
        checks += replay_here(cli, stated, content, module)
    _report(cli, stated, checks)


@receipt.command("replay")
def replay_receipt(
    context: typer.Context,
    cast_id: CastArgument,
    inputs: Annotated[Path, typer.Option("--input", help="The cast's inputs, a JSON file.")],
) -> None:
    """Have the platform run a cast again and compare: once for each cast, at no charge."""
    cli = cli_context(context)
    body = {"inputs": parse_json(_canonical_inputs(inputs))}
    path = f"/v1/casts/{in_path(cast_id)}/receipt:replay"
    with cli.output.notes.status("the platform replays …"):
        while (
            answer := cli.api.request("POST", path, json=body)
        ).status_code == HTTPStatus.ACCEPTED:
            time.sleep(_PAUSE_SECONDS)
    report = ReplayReport.model_validate_json(answer.content)
    document = {"cast_id": cast_id, "holds": report.matches}
    _show(cli, document, report.checks)


def _checked(cli: CliContext, file: Path, key: str | None) -> tuple[AnyReceipt, list[Check]]:
    """The receipt in a file, with the checks that need nothing else."""
    try:
        envelope: Envelope = read_envelope(read_file(file, bytes_max=RECEIPT_BYTES_MAX))
        return checks_of(envelope, _keys(cli, key))
    except ReceiptRefusedError as error:
        raise CliError(f"{file} is no receipt: {error}.", ExitCode.REFUSED) from error


def checks_of(envelope: Envelope, keys: list[bytes]) -> tuple[AnyReceipt, list[Check]]:
    """What an envelope states, and whether it holds by itself.

    Raises:
        ReceiptRefusedError: it states nothing that is a receipt.
    """
    from cli.receipt_keys import signature_check

    stated = read_statement(payload_of(envelope))
    signature = signature_check(envelope, keys)
    return stated, [signature, *standing_checks(stated)]


def _artifact_checks(stated: AnyReceipt, folder: Path) -> list[Check]:
    """One for each artifact that the receipt names; one that is not there is a failed check."""
    files = [(artifact, folder / artifact.name) for artifact in stated.run.artifacts]
    return [
        artifact_check(artifact, stated.run.salt, read_file(file) if file.is_file() else None)
        for artifact, file in files
    ]


def _keys(cli: CliContext, given: str | None) -> list[bytes]:
    from cli.receipt_keys import given_keys, key_set

    if given is not None:
        return given_keys(given)
    return key_set(cli.api.request("GET", KEYS_PATH).content)


def _report(cli: CliContext, stated: AnyReceipt, checks: list[Check]) -> None:
    """Show the checks; one that failed ends the command."""
    document = {
        "cast_id": stated.cast_id,
        "spell": stated.spell,
        "version": stated.version,
        "holds": all(check.passed for check in checks),
    }
    _show(cli, document, checks)


def _show(cli: CliContext, about: dict[str, Any], checks: list[Check]) -> None:
    failed = [check.name for check in checks if not check.passed]
    document = {**about, "checks": [check.model_dump() for check in checks]}
    if not (failed and cli.output.as_json):
        rows = [("ok" if c.passed else "WRONG", c.name, c.signed, c.found) for c in checks]
        cli.output.table(document, ("", "check", "receipt", "found"), rows)
    if failed:
        message = f"The receipt does not hold: {', '.join(failed)}."
        raise CliError(message, ExitCode.REFUSED, document)


def _give(cli: CliContext, content: bytes, out: Path | None) -> None:
    """To the file or, without one, to standard output."""
    if out is None:
        cli.output.document(parse_json(content), content.decode("utf-8"))
    else:
        write_file(out, content)
        cli.output.document({"file": str(out)}, f"written to {out}")


def _canonical_inputs(path: Path) -> bytes:
    """What the spell read: the platform makes inputs canonical before anything else."""
    try:
        return canonical_json(parse_json(read_file(path)))
    except JsonRefusedError as error:
        raise CliError(f"{path}: {error}", ExitCode.USAGE) from error
