"""`spell ledger …`: look through the platform's books; check proofs without asking anybody."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from cli.billing import CursorOption, FromOption, LimitOption, ToOption, show_statement
from cli.client import CliError, ExitCode, in_path
from cli.context import CliContext, cli_context
from cli.files import read_file
from schema.contracts.ledger import FindingKind, TransferProof, VerificationPart
from schema.money import format_micros

ledger = typer.Typer(no_args_is_help=True, help="The platform's books: seals, sums, proofs.")

_PROOF_BYTES_MAX = 64 * 1024
_FAILED = 1


@ledger.command("verify")
def verify_ledger(context: typer.Context) -> None:
    """Look through the books (operators): seals, rows, sums, balances, casts, purchases.

    Ends with 1 when something is wrong.
    """
    cli = cli_context(context)
    report = _verified(cli)
    rows = [(one["kind"], one["subject"], one["message"]) for one in report["findings"]]
    if rows:
        cli.output.table(report, ("finding", "what", ""), rows)
        raise CliError(f"{len(rows)} findings: the books are not in order.", _FAILED, report)
    tail = report["tail"]
    cli.output.document(
        report,
        f"in order: {report['seals']} seals over {report['rows']} transfers,"
        f" {report['accounts']} accounts, {report['casts']} casts, {report['purchases']} purchases;"
        f" {tail['rows']} transfers of the last {tail['seconds']:.0f} s are not sealed yet",
    )


@ledger.command("accounts")
def list_accounts(
    context: typer.Context,
    account_id: Annotated[str | None, typer.Option(help="Only those of this account.")] = None,
    cursor: CursorOption = None,
    limit: LimitOption = 20,
) -> None:
    """List ledger accounts with what they hold (operators)."""
    cli = cli_context(context)
    asked = {"account_id": account_id, "cursor": cursor, "limit": limit}
    params = {name: value for name, value in asked.items() if value is not None}
    page = cli.api.json("GET", "/v1/ledger/accounts", params=params)
    rows = [
        (one["account"], format_micros(one["balance_micros"], one["currency"]))
        for one in page["items"]
    ]
    cli.output.table(page, ("account", "balance"), rows)
    if page["next_cursor"]:
        cli.output.note(f"more: --cursor {page['next_cursor']}")


@ledger.command("statement")
def account_statement(
    context: typer.Context,
    account: Annotated[str, typer.Argument(help="Such as platform_revenue:USD.")],
    begin: FromOption = None,
    to: ToOption = None,
    cursor: CursorOption = None,
    limit: LimitOption = 20,
) -> None:
    """Show what moved on a ledger account (operators)."""
    path = f"/v1/ledger/accounts/{in_path(account)}/statement"
    show_statement(context, path, {"from": begin, "to": to, "cursor": cursor, "limit": limit})


@ledger.command("proof")
def get_proof(
    context: typer.Context,
    transfer: Annotated[int, typer.Argument(help="Its id, from a statement.")],
) -> None:
    """Get the proof that an own transfer is in the sealed ledger."""
    cli = cli_context(context)
    proof = cli.api.request("GET", f"/v1/billing/transfers/{transfer}/proof").text
    print(proof)


@ledger.command("check")
def check_proof(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A proof, as `spell ledger proof` prints it.")],
    key: Annotated[
        str | None,
        typer.Option(help="The platform's key: a file or base64. Without it, it is asked for."),
    ] = None,
) -> None:
    """Check a proof: that the transfer is under a root that the platform signed."""
    from cli.receipt_keys import given_keys, key_set
    from schema.ledger_proofs import proves_inclusion

    cli = cli_context(context)
    try:
        proof = TransferProof.model_validate_json(read_file(file, bytes_max=_PROOF_BYTES_MAX))
    except ValidationError as error:
        raise CliError(f"{file} is no proof.", ExitCode.REFUSED) from error
    keys = (
        key_set(cli.api.request("GET", "/v1/ledger/keys").content)
        if key is None
        else given_keys(key)
    )
    if not (proves_inclusion(proof) and _signed(proof, keys)):
        raise CliError("The proof does not hold.", ExitCode.REFUSED)
    seal = proof.signed.seal
    said = f"{proof.transfer.reference}: under seal {seal.number} of {seal.sealed_at.isoformat()}"
    cli.output.document({"holds": True, "seal": seal.number}, said)


def _signed(proof: TransferProof, keys: list[bytes]) -> bool:
    import base64
    import binascii

    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from schema.ledger_seals import signed_bytes

    signed = signed_bytes(proof.signed.seal)
    for key in keys:
        try:
            signature = base64.b64decode(proof.signed.signature, validate=True)
            Ed25519PublicKey.from_public_bytes(key).verify(signature, signed)
        except (InvalidSignature, binascii.Error):
            continue
        return True
    return False


def _verified(cli: CliContext) -> dict[str, Any]:
    """All pages as one report; what is going on is told on the way."""
    checked: Counter[str] = Counter()
    sums: Counter[str] = Counter()
    report: dict[str, Any] = {"findings": []}
    for page in _pages(cli):
        part = page["part"]
        checked[part] += page["checked"]
        checked["rows"] += page["rows"]
        sums.update(page["sums"])
        report["findings"] += page["findings"]
        report.update({name: page[name] for name in ("tail", "last") if page[name]})
        cli.output.note(f"{part}: {checked[part]} looked at, {checked['rows']} transfers so far")
    report["findings"] += [
        {
            "kind": FindingKind.SUM_NOT_ZERO.value,
            "subject": currency,
            "message": f"all balances together are {total} micros, not 0",
        }
        for currency, total in sums.items()
        if total
    ]
    return {**report, **{name: checked[name] for name in ("rows", *VerificationPart)}}


def _pages(cli: CliContext) -> Iterator[dict[str, Any]]:
    for part in VerificationPart:
        cursor: str | None = None
        while True:
            params = {} if cursor is None else {"cursor": cursor}
            page = cli.api.json("GET", f"/v1/ledger/verification/{part.value}", params=params)
            yield page
            cursor = page["next_cursor"]
            if cursor is None:
                break
