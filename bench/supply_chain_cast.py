"""What the supply-chain gate costs a cast: `python -m bench.supply_chain_cast`.

Goals: looking a verdict up costs a cast at most 1 ms, and making a cold one for a small bill of
materials takes at most 20 ms. All is measured in one run on one database, alternating, because the
machine is noisy; the floors say what of it is the way to Postgres:

    round trip   SELECT 1
    bare         the version's row alone, without verdict, consent, alias and revocations
    find_plan    the whole look-up of a cast, verdict included
    look-up      find_plan less bare: what the gate adds to a cast
    cold         every check of a signed package with a small bill, on warm processes
"""

import argparse
import asyncio
import itertools
import secrets
import statistics
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import text

from activities.supply_chain.deciding import Deciding
from activities.supply_chain.gate import Gate
from activities.supply_chain.policy import GatePolicy
from activities.supply_chain.remembered_bills import RememberedBills
from infra.postgres import Database
from infra.repositories.advisory_exceptions import PostgresAdvisoryExceptions
from infra.repositories.castable_versions import CastableVersions
from infra.repositories.decisions import PostgresDecisions
from infra.repositories.package_evidence import PostgresPackageEvidence
from infra.repositories.revocations import PostgresRevocations
from infra.repositories.signing_identities import PostgresSigningIdentities
from infra.repositories.spells import PostgresSpells
from infra.supply_chain.advisories.postgres_advisories import PostgresAdvisories
from infra.supply_chain.bill_reader import KillableBillReader
from infra.supply_chain.licenses.license_rules import SpdxLicenseRules
from infra.supply_chain.signatures.trusted_root import TrustedRoots
from infra.supply_chain.signatures.verifier import SigstoreVerifier
from schema.canonical import canonical_json
from schema.contracts.supply_chain import PackageEvidence
from schema.ids import sha256_digest
from tests.support.builders import Person, a_cast, a_package, make_person
from tests.support.servers import opened, running_servers
from tests.support.signing import shared_authority, sign, write_trusted_root

COMPONENTS = 10
Job = Callable[[], Awaitable[object]]
_BARE = text(
    "SELECT v.*, s.account_id, s.visibility FROM spells s JOIN spell_versions v"
    " ON v.spell_key = s.key WHERE s.key = :key AND v.version = :version"
)


def a_bill(number: int) -> bytes:
    """A bill with a few libraries; each number's is another, so that none was read before."""
    libraries = [
        {
            "type": "library",
            "bom-ref": f"lib{n}",
            "name": f"lib{n}",
            "version": "1.0.0",
            "purl": f"pkg:pypi/lib{n}@1.0.0",
            "supplier": {"name": "Somebody"},
            "hashes": [{"alg": "SHA-256", "content": f"{n:064x}"}],
            "licenses": [{"license": {"id": "MIT"}}],
        }
        for n in range(COMPONENTS)
    ]
    root = {"type": "application", "bom-ref": "root", "name": f"bench {number}"}
    return canonical_json(
        {
            "bomFormat": "CycloneDX",
            "specVersion": "1.6",
            "version": 1,
            "metadata": {"component": root},
            "components": libraries,
        }
    )


def signed_package(maker: Person, key: str, number: int) -> PackageEvidence:
    """Evidence of a package of its own, signed for real."""
    archive = secrets.token_bytes(64)
    return PackageEvidence(
        package_digest=sha256_digest(archive),
        account_id=maker.account_id,
        spell_key=key,
        version="1.0.0",
        license="Apache-2.0",
        sbom_file="sbom.cdx.json",
        sbom=a_bill(number),
        bundle=sign(archive),
        files={},
    )


def gate_on(database: Database, bills: KillableBillReader, trust_root: Path) -> Gate:
    """The gate as a worker has it, on a Sigstore of the bench's own."""
    return Gate(
        GatePolicy(),
        SigstoreVerifier(TrustedRoots(trust_root)),
        RememberedBills(bills),
        PostgresAdvisories(database),
        PostgresAdvisoryExceptions(database),
        SpdxLicenseRules(()),
        PostgresSigningIdentities(database),
        PostgresRevocations(database),
    )


async def measure(database: Database, gate: Gate, count: int) -> None:
    """Publish one version, then alternate the jobs."""
    maker, caster = await make_person(database), await make_person(database)
    key = "com.example.bench"
    evidence = signed_package(maker, key, 0)
    decision = await gate.decide(evidence)
    assert decision.passed, decision.reasons
    package = a_package(key=key).model_copy(update={"package_digest": evidence.package_digest})
    await PostgresSpells(database).record_version(evidence, package, decision)
    deciding = Deciding(
        gate, PostgresDecisions(database), PostgresPackageEvidence(database), gate.evidence
    )
    versions = CastableVersions(database, deciding)
    request = a_cast(caster, key)
    cold = [signed_package(maker, key, n) for n in range(1, count + 2)]
    fresh = itertools.cycle(cold)

    async def round_trip() -> None:
        async with database.reading() as connection:
            await connection.execute(text("SELECT 1"))

    async def bare() -> None:
        async with database.reading() as connection:
            (await connection.execute(_BARE, {"key": key, "version": "1.0.0"})).one()

    jobs: dict[str, Job] = {
        "round trip": round_trip,
        "bare": bare,
        "find_plan": lambda: versions.find_plan(request),
        "cold": lambda: gate.decide(next(fresh)),
    }
    show(await alternate(jobs, count))


async def alternate(jobs: dict[str, Job], count: int) -> dict[str, list[float]]:
    """Milliseconds of each job, one after the other, round by round."""
    taken: dict[str, list[float]] = {name: [] for name in jobs}
    for number in range(count + 1):
        for name, job in jobs.items():
            began = time.perf_counter()
            await job()
            if number:  # the first round warms up
                taken[name].append((time.perf_counter() - began) * 1000)
    return taken


def show(taken: dict[str, list[float]]) -> None:
    """One line a job, and what the gate adds to a cast."""
    floor = statistics.median(taken["round trip"])
    print(f"{'':12}{'p50 ms':>9}{'p95 ms':>9}{'/ round trip':>14}")
    for name, values in taken.items():
        p50, p95 = statistics.median(values), statistics.quantiles(values, n=20)[18]
        print(f"{name:12}{p50:9.2f}{p95:9.2f}{p50 / floor:14.1f}")
    pairs = zip(taken["find_plan"], taken["bare"], strict=True)
    added = statistics.median(found - bare for found, bare in pairs)
    print(f"{'look-up':12}{added:9.2f}{'':9}{added / floor:14.1f}")


async def run(count: int) -> None:
    """Start a database of its own, measure, stop."""
    with TemporaryDirectory(prefix="spell-bench-") as name:
        trust_root = write_trusted_root(shared_authority(), Path(name))
        async with (
            running_servers(Path(name)) as servers,
            opened(servers.endpoints.database_url) as database,
            KillableBillReader() as bills,
        ):
            await measure(database, gate_on(database, bills, trust_root), count)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="rounds of all jobs")
    asyncio.run(run(parser.parse_args().count))


if __name__ == "__main__":
    main()
