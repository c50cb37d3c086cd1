"""`spell demo`: the platform's main job, on a real file, through the real processes."""

import asyncio
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import typer

from cli.client import Api, CliError, ExitCode, Profile
from cli.context import CliContext, cli_context
from cli.following import show_events
from cli.inputs import collect_inputs
from cli.output import money
from cli.packages import package_folder
from cli.publishing import upload
from cli.receipts import KEYS_PATH, checks_of
from cli.replays import replay_here
from cli.signing import sign_package, signature_line
from infra.embedded.errors import EmbeddedPlatformError
from infra.embedded.platform import EmbeddedPlatform
from schema.canonical import canonical_json
from schema.money import format_micros
from schema.package import read_package
from schema.receipt_checks import input_check
from schema.receipts import read_envelope

_EXAMPLES = Path(__file__).parent.parent / "examples"
_SPELL = "com.example.markdown"
_FILE = _EXAMPLES / "files" / "platform.md"


def demo(context: typer.Context) -> None:
    """Start everything, publish an example spell, cast it on a real file, show it all, stop."""
    cli = cli_context(context)
    if not _EXAMPLES.is_dir():
        raise CliError("The demo needs the examples of a checkout.", ExitCode.USAGE)
    began = time.monotonic()
    try:
        with TemporaryDirectory(prefix="spell-demo-") as folder:
            asyncio.run(_run(cli, Path(folder)))
    except EmbeddedPlatformError as error:
        raise CliError(str(error), ExitCode.PLATFORM) from error
    cli.output.note(f"demo     done in {time.monotonic() - began:.1f} s, all stopped")


async def _run(cli: CliContext, data_dir: Path) -> None:
    # Here, not above: it takes half a second, and most commands do without it.
    from cli.local import first_account, local_platform

    lines: list[str] = []
    platform = local_platform(data_dir, lambda name, line: lines.append(f"{name}: {line}"))

    async def work() -> None:
        profile = await first_account(platform.context, data_dir)
        await asyncio.to_thread(_tell, cli, profile, platform)

    cli.output.note("starting Postgres, Temporal, NATS, Redis, Sigstore, api, worker, runner …")
    began = time.monotonic()

    async def timed() -> None:
        cli.output.note(f"started  in {time.monotonic() - began:.1f} s")
        await work()

    await platform.run_until_signal(timed)


def _tell(cli: CliContext, profile: Profile, platform: EmbeddedPlatform) -> None:
    """Publish, cast, show: what a newcomer would type, one after the other."""
    cli.__dict__["api"] = api = Api(profile)
    published = _publish(cli, profile)
    cli.output.note(
        f"publish  {published['spell_key']} {published['version']}"
        f" {published['package_digest'][:19]}…"
    )
    bill = api.json("GET", f"/v1/spells/{_SPELL}/versions/{published['version']}/sbom")
    cli.output.note(f"bill     of materials: {len(bill['components'])} components")
    inputs = collect_inputs(None, [], [f"markdown={_FILE}"], [])
    admitted = api.json(
        "POST",
        f"/v1/spells/{_SPELL}:cast",
        json={"inputs": inputs},
        headers={"Idempotency-Key": "demo-1"},
    )
    cli.output.note(
        f"cast     {admitted['cast_id']} on {_FILE.name} ({_FILE.stat().st_size} bytes)"
    )
    cli.output.note(f"held     {money(admitted['estimated_cost'])} at most")
    show_events(cli, admitted["cast_id"])
    ended = api.json("GET", f"/v1/casts/{admitted['cast_id']}")
    if ended["status"] != "succeeded":
        raise CliError(f"the cast ended as {ended['status']}", ExitCode.CAST_FAILED, ended)
    _show(cli, api, ended)
    _check_receipt(cli, api, ended, canonical_json(inputs))
    workflow = f"{platform.endpoints.temporal_ui_url}/namespaces/default/workflows/cast:"
    cli.output.note(f"\nTemporal UI (while it runs: make dev)  {workflow}{ended['cast_id']}")
    api.close()


def _publish(cli: CliContext, profile: Profile) -> dict[str, Any]:
    archive = package_folder(_EXAMPLES / "markdown")
    bundle = None
    if profile.signing is None:
        cli.output.note("signed   by nobody: SPELL_TRUST_ROOT_FILE names another Sigstore")
    else:
        signed = sign_package(read_package(archive), place=profile.signing)
        bundle = signed.bundle
        cli.output.note(signature_line(signed))
    return upload(cli, archive, bundle)


def _show(cli: CliContext, api: Api, ended: dict[str, Any]) -> None:
    result, used = ended["result"], ended["usage"]
    html = result["html"]
    cli.output.document(ended, f"\nresult   {result['title']!r}, {result['words']} words\n")
    cli.output.note(
        "\n".join(f"         {line}" for line in html.splitlines()[:12]) + "\n         …"
    )
    cli.output.note(
        f"\nused     {used['fuel']:,} fuel, {used['wall_ms']} ms, "
        f"{used['memory_bytes_peak'] / 2**20:.1f} MiB, {used['output_bytes']:,} bytes out"
    )
    cli.output.note(f"cost     {money(ended['cost'])}  ({ended['billing']})\n")
    cli.output.note("ledger   what the cast moved, debit -> credit")
    for t in api.json("GET", ended["links"]["transfers"]):
        amount = format_micros(t["amount_micros"], t["currency"])
        cli.output.note(
            f"         {t['kind']:<5}{amount:>14}"
            f"  {t['debit_account_id']} -> {t['credit_account_id']}"
        )


def _check_receipt(cli: CliContext, api: Api, ended: dict[str, Any], inputs: bytes) -> None:
    """What a caster could do with nothing but the receipt, the inputs and the module."""
    from cli.receipt_keys import key_set

    envelope = read_envelope(api.request("GET", ended["links"]["receipt"]).content)
    stated, checks = checks_of(envelope, key_set(api.request("GET", KEYS_PATH).content))
    checks.append(input_check(stated, inputs))
    checks += replay_here(cli, stated, inputs, _EXAMPLES / "markdown" / "spell.wasm")
    wrong = [check.name for check in checks if not check.passed]
    if wrong:
        raise CliError(f"the receipt does not hold: {', '.join(wrong)}", ExitCode.CAST_FAILED)
    names = ", ".join(check.name for check in checks)
    cli.output.note(f"\nreceipt  signed; run again here, it gives the same ({stated.engine})")
    cli.output.note(f"         checked: {names}")
