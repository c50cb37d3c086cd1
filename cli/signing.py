"""`spell sign`: a package's digest gets a signature that says who made it, and when."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.client import CliError, ExitCode, LocalSigning
from cli.context import cli_context
from cli.files import read_file, write_file
from cli.packages import package_folder, refused_here
from schema.errors import SpellError
from schema.limits import PACKAGE_BYTES_MAX
from schema.package import SIGNATURE_FILE, Package, read_package

if TYPE_CHECKING:
    from infra.supply_chain.signatures.signing import Signed

LOCAL_IDENTITY = "maker@spell.localhost"
"""Who signs on a local platform, unless it is told otherwise."""


def sign(
    context: typer.Context,
    source: Annotated[
        Path, typer.Argument(exists=True, help="A folder with manifest.toml, or a package's tar.")
    ] = Path(),
    identity: Annotated[
        str | None,
        typer.Option(help="Who signs. On a local platform any e-mail address; elsewhere a check."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Where to; by default SIGNATURE.sigstore beside it.")
    ] = None,
    dsse: Annotated[
        bool, typer.Option("--dsse", help="Sign an in-toto statement about the package.")
    ] = False,
) -> None:
    """Sign a package: in CI as the job, in a terminal as yourself, locally as anybody."""
    cli = cli_context(context)
    package = _package(source)
    path = output or (source if source.is_dir() else source.parent) / SIGNATURE_FILE
    with cli.output.notes.status("signing …"):
        signed = sign_package(package, identity=identity, dsse=dsse)
    write_file(path, signed.bundle)
    document = {**signature_document(signed), "package_digest": package.digest, "file": str(path)}
    cli.output.document(document, f"{signature_line(signed)}\n{path}")


def sign_package(
    package: Package,
    *,
    identity: str | None = None,
    dsse: bool = False,
    place: LocalSigning | None = None,
) -> "Signed":
    """Sign a package's digest.

    Args:
        package: what is signed.
        identity: who signs; on a local platform it is believed, elsewhere it is checked.
        dsse: sign a statement about the digest instead of the digest.
        place: a local platform's Sigstore; found by this folder when it is not given.

    Raises:
        CliError: it could not be signed; the message says why.
    """
    # Here, not above: sigstore takes a third of a second, and most commands do without it.
    from infra.supply_chain.signatures.signing import Release, SigningError
    from infra.supply_chain.signatures.signing import sign as sign_digest

    spell = package.manifest.spell
    purl = f"pkg:generic/{spell.key}@{spell.version}"
    release = Release(name=f"{spell.key}-{spell.version}.tar", purl=purl) if dsse else None
    try:
        config, token, expected = _signer(place or LocalSigning.find(), identity)
        return sign_digest(config, token, package.digest, identity=expected, release=release)
    except SigningError as error:
        raise CliError(str(error), ExitCode.REFUSED) from error


def signature_line(signed: "Signed") -> str:
    """Who signed, for people."""
    return f"signed   by {signed.identity} ({signed.issuer}), log index {signed.log_index}"


def signature_document(signed: "Signed") -> dict[str, Any]:
    """Who signed, for programs."""
    return {
        "identity": signed.identity,
        "issuer": signed.issuer,
        "log_index": signed.log_index,
    }


def _signer(place: LocalSigning | None, identity: str | None) -> tuple[Any, str, str | None]:
    """Where to sign, with whose token, and whose it has to be."""
    from infra.supply_chain.signatures import signing, signing_in

    if place is not None:
        config = signing.local_config(Path(place.config_file))
        email = identity or LOCAL_IDENTITY
        token = signing_in.local_token(place.url, place.token_secret, {"email": email})
        return config, token, email
    # The token first: whoever has none shall not wait for the network.
    ambient = signing_in.ambient_token()
    if ambient is None:
        signing_in.check_somebody_is_here()
    config = signing.public_config()
    return config, ambient or signing_in.interactive_token(config), identity


def _package(source: Path) -> Package:
    """The package of a folder or a file, checked as the platform would."""
    if source.is_dir():
        archive = package_folder(source)
    else:
        archive = read_file(source, bytes_max=PACKAGE_BYTES_MAX)
    try:
        return read_package(archive)
    except SpellError as error:
        raise refused_here(error) from error
