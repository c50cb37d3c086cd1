"""Builders of the things that tests talk about: accounts with money, spells, cast requests."""

import hashlib
import itertools
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from infra.postgres import Database
from infra.repositories.accounts import PostgresAccounts
from infra.repositories.spells import PostgresSpells
from schema.contracts.cast import (
    CastInput,
)
from schema.contracts.plans import Mode
from schema.contracts.publish import InspectedPackage, ModuleFacts
from schema.contracts.run import RunLimits, RunPolicy, Usage
from schema.contracts.supply_chain import Decision, Evidence, PackageEvidence, Signer
from schema.ids import cast_id_for, keyed_digest
from schema.pricing import FlatPrice, MeteredPrice, Price, UnitPrices
from schema.scopes import Scope

PEPPER = b"p" * 32
FLAT_500 = FlatPrice(model="flat", currency="USD", price_micros=500)
METERED = MeteredPrice(
    model="metered",
    currency="USD",
    base_micros=100,
    unit_micros=UnitPrices(fuel_million=3),
)
LIMITS = RunLimits(
    fuel=100_000_000, timeout_ms=2000, memory_bytes_max=16 * 1024**2, output_bytes_max=1024**2
)
NOTHING_MORE = RunPolicy()
USAGE = Usage(
    fuel=2_000_000,
    wall_ms=5,
    cpu_ms=5,
    memory_bytes_peak=1024**2,
    input_bytes=2,
    output_bytes=2,
    stderr_bytes=0,
)
ECHO_SCHEMAS = {"input": {"type": "object"}, "output": {"type": "object"}}
_numbers = itertools.count()


@dataclass(frozen=True)
class Person:
    """An account with a key and, maybe, money."""

    account_id: str
    api_key_id: str
    key_text: str
    secret: bytes


async def make_person(
    database: Database, *, credit_micros: int = 0, scopes: list[Scope] | None = None
) -> Person:
    accounts = PostgresAccounts(database, pepper=PEPPER)
    account_id = await accounts.create("somebody")
    summary, text = await accounts.create_key(account_id, "test", scopes or list(Scope), None)
    if credit_micros:
        await accounts.credit(account_id, credit_micros, "USD", reference=secrets.token_hex(8))
    found = await accounts.authenticate(text)
    assert found is not None
    return Person(account_id, summary.id, text, found[1])


def a_package(
    *,
    key: str,
    price: Price = FLAT_500,
    version: str = "1.0.0",
    visibility: str = "public",
    schemas: dict[str, Any] | None = None,
    limits: RunLimits = LIMITS,
    policy: RunPolicy = NOTHING_MORE,
    modes: Sequence[Mode] = (Mode.SERVICE,),
    **offered: Any,
) -> InspectedPackage:
    def digest(text: str) -> str:
        return "sha256:" + hashlib.sha256(text.encode()).hexdigest()

    in_service: dict[str, Any] = {
        "module_digest": digest(f"module of {key}"),
        "module_bytes": 100,
        "entry": "_start",
        "limits": limits,
        "policy": policy,
        "module": ModuleFacts(imports=[], exports=["_start", "memory"], memory_bytes_min=65536),
    }
    return InspectedPackage(
        spell_key=key,
        version=version,
        package_digest=digest(f"{key} {version} {price} {schemas}"),
        visibility=visibility,
        price=price,
        manifest={"spell": {"name": key, "description": "for tests"}},
        schemas_json=json.dumps(schemas or ECHO_SCHEMAS),
        modes=list(modes),
        **{"mode": modes[0], **offered},
        **(in_service if Mode.SERVICE in modes else {}),
    )


NO_EVIDENCE = Evidence(policy="test", trust_root="none", snapshot="none")


def evidence_for(maker: Person, package: InspectedPackage) -> PackageEvidence:
    return PackageEvidence(
        package_digest=package.package_digest,
        account_id=maker.account_id,
        spell_key=package.spell_key,
        version=package.version,
        license="Apache-2.0",
        files={},
    )


async def publish(
    database: Database,
    maker: Person,
    *,
    passed: bool = True,
    signer: Signer | None = None,
    **package: Any,
) -> InspectedPackage:
    package.setdefault("key", f"com.example.spell{next(_numbers)}-{secrets.token_hex(4)}")
    inspected = a_package(**package)
    decision = Decision(
        package_digest=inspected.package_digest,
        passed=passed,
        evidence=NO_EVIDENCE,
        reasons=[],
        signer=signer,
    )
    evidence = evidence_for(maker, inspected)
    await PostgresSpells(database).record_version(evidence, inspected, decision)
    return inspected


def a_cast(person: Person, spell_key: str, key: str = "", **changes: Any) -> CastInput:
    inputs = changes.pop("inputs_json", "{}")
    return CastInput(
        cast_id=cast_id_for(person.account_id, person.secret, key or secrets.token_hex(8)),
        account_id=person.account_id,
        api_key_id=person.api_key_id,
        fingerprint=keyed_digest(person.secret, f"{spell_key} {inputs} {changes}".encode()),
        spell_key=spell_key,
        inputs_json=inputs,
        **changes,
    )
