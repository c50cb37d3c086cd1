"""`spell verify`: check a package's signature here, offline, as the platform does."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.client import DATA_FOLDER, CliError, ExitCode
from cli.context import CliContext, cli_context
from cli.files import read_file
from cli.packages import package_folder, refused_here
from schema.contracts.supply_chain import IdentityRule, Reason, SignatureCheck
from schema.errors import SpellError
from schema.ids import sha256_digest
from schema.limits import PACKAGE_BYTES_MAX, SIGNATURE_BYTES_MAX
from schema.package import SIGNATURE_FILE, read_package
from schema.supply_chain.identities import expected_signer, identity_reasons
from schema.supply_chain.reasons import REASONS, reason

_DIGEST_PREFIX = "sha256:"
_LOCAL_ROOT = Path(DATA_FOLDER) / "sigstore/trusted_root.json"


@dataclass(frozen=True)
class Subject:
    """What is verified."""

    digest: str
    expected: IdentityRule | None
    """The signer that the package's manifest names."""
    bundle: Path
    """Where its bundle lies unless another file is named."""


def verify(
    context: typer.Context,
    target: Annotated[
        str, typer.Argument(help="A package, a spell's folder, or sha256:… of a package.")
    ] = ".",
    bundle: Annotated[
        Path | None, typer.Option(help=f"The signature; by default {SIGNATURE_FILE} beside it.")
    ] = None,
    identity: Annotated[str | None, typer.Option(help="Who must have signed, exactly.")] = None,
    issuer: Annotated[str | None, typer.Option(help="Who must have vouched for them.")] = None,
    trusted_root: Annotated[
        Path | None,
        typer.Option(
            help="Sigstore's trusted root; by default SPELL_TRUST_ROOT_FILE, that of the local "
            "platform in .spell/, or the public-good one."
        ),
    ] = None,
    *,
    artifact: Annotated[
        bool, typer.Option("--artifact", help="The file is no package: check its signature alone.")
    ] = False,
) -> None:
    """Check offline who signed a package, and whether they may. Says every reason against it."""
    cli = cli_context(context)
    if (identity is None) != (issuer is None):
        raise CliError("--identity and --issuer go together.", ExitCode.USAGE)
    rules = [IdentityRule(issuer=issuer, identity=identity)] if issuer and identity else []
    subject = _subject_of(target, is_artifact=artifact)
    root_file = _root_file(trusted_root)
    check, root_digest = _check(subject, bundle or subject.bundle, root_file)
    reasons = [*check.reasons]
    if check.signer is not None:
        reasons += identity_reasons(check.signer, subject.expected, rules)
    document = {
        "package_digest": subject.digest,
        "verified": not reasons,
        "signer": None if check.signer is None else check.signer.model_dump(mode="json"),
        "reasons": [each.model_dump(mode="json") for each in reasons],
        "trust_root": root_digest,
        "trust_root_file": None if root_file is None else str(root_file),
    }
    _show(cli, document, reasons, named=bool(rules or subject.expected))


def _subject_of(target: str, *, is_artifact: bool) -> Subject:
    if target.startswith(_DIGEST_PREFIX):
        digits = target.removeprefix(_DIGEST_PREFIX)
        if len(digits) != len(sha256_digest(b"")) - len(_DIGEST_PREFIX) or not _is_hex(digits):
            raise CliError(f"{target} is not sha256: and 64 hexadecimal digits.", ExitCode.USAGE)
        return Subject(target, None, Path(SIGNATURE_FILE))
    path = Path(target)
    if path.is_dir():
        archive, beside = package_folder(path), path / SIGNATURE_FILE
    else:
        archive, beside = read_file(path, bytes_max=PACKAGE_BYTES_MAX), path.parent / SIGNATURE_FILE
    if is_artifact:
        return Subject(sha256_digest(archive), None, beside)
    try:
        package = read_package(archive)
    except SpellError as error:
        raise refused_here(error) from error
    return Subject(package.digest, expected_signer(package.manifest.supply_chain), beside)


def _is_hex(digits: str) -> bool:
    return all(digit in "0123456789abcdef" for digit in digits)


def _root_file(given: Path | None) -> Path | None:
    """The trusted root's file; None for the public-good root inside the sigstore package."""
    setting = os.environ.get("SPELL_TRUST_ROOT_FILE")
    if given is not None or setting:
        return given or Path(str(setting))
    here = Path.cwd()
    found = [folder / _LOCAL_ROOT for folder in (here, *here.parents)]
    return next((path for path in found if path.is_file()), None)


def _check(
    subject: Subject, bundle: Path, root_file: Path | None
) -> tuple[SignatureCheck, str | None]:
    """What the signature says, and the digest of the trusted root that says so."""
    if not bundle.is_file():
        message = f"There is no signature at {bundle}."
        return SignatureCheck(reasons=[reason("UNSIGNED", message)]), None
    from infra.supply_chain.signatures.trusted_root import TrustedRootError, TrustedRoots
    from infra.supply_chain.signatures.verifier import SigstoreVerifier

    content = read_file(bundle, bytes_max=4 * SIGNATURE_BYTES_MAX)
    try:
        verifier = SigstoreVerifier(TrustedRoots(root_file))
    except TrustedRootError as error:
        raise CliError(f"The trusted root cannot be used: {error}", ExitCode.USAGE) from error
    return verifier.check(subject.digest, content), verifier.trust_root


def _show(cli: CliContext, document: dict[str, Any], reasons: list[Reason], *, named: bool) -> None:
    root = document["trust_root_file"] or "Sigstore's public-good root"
    if not cli.output.as_json:
        cli.output.note(f"package       {document['package_digest']}")
        cli.output.note(f"trusted root  {root}")
    if not reasons:
        signer = document["signer"]
        if not named:
            cli.output.note("No signer is expected by --identity or manifest.toml: anyone may be.")
        cli.output.document(
            document,
            f"signed by {signer['identity']!r}, as {signer['issuer']!r} vouches, "
            f"at {signer['signed_at'][:19]}",
        )
        return
    if not cli.output.as_json:
        rows = [(each.code, each.message, REASONS[each.code].remedy) for each in reasons]
        cli.output.table(document, ("reason", "what is wrong", "what to do"), rows)
    names = ", ".join(each.code for each in reasons)
    raise CliError(f"The signature is refused: {names}.", ExitCode.REFUSED, document)
