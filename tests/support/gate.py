"""A gate whose roles say what a test wants, and a package for it that is in order."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from activities.supply_chain.gate import Gate
from activities.supply_chain.policy import GatePolicy
from activities.supply_chain.remembered_bills import RememberedBills
from schema.contracts.bill import Bill, BillFormat, Component, ComponentKind
from schema.contracts.supply_chain import (
    AdvisoryHit,
    BillCheck,
    IdentityRule,
    PackageEvidence,
    Reason,
    SignatureCheck,
    Signer,
    Snapshot,
)
from schema.ids import sha256_digest

NOW = datetime(2026, 11, 25, tzinfo=UTC)
DIGEST = sha256_digest(b"package")
MODULE = sha256_digest(b"module")
SIGNER = Signer(
    identity="maker@example.com",
    issuer="https://issuer.example",
    signed_at=NOW,
    key_digest=sha256_digest(b"key"),
)
ROOT = Component(ref="root", name="it", kind=ComponentKind.APPLICATION)
FILE = Component(
    ref="f",
    name="spell.wasm",
    kind=ComponentKind.FILE,
    hashes={"sha256": MODULE.removeprefix("sha256:")},
)
LIBRARY = Component(
    ref="l", name="lib", version="1", purl="pkg:pypi/lib@1", hashes={"sha256": "0"}, supplier="x"
)
BILL = Bill(
    format=BillFormat.CYCLONEDX_1_6, name="it", root="root", components=[ROOT, FILE, LIBRARY]
)
PACKAGE = PackageEvidence(
    package_digest=DIGEST,
    account_id="acct_" + "a" * 16,
    spell_key="com.example.it",
    version="1.0.0",
    license="Apache-2.0",
    sbom_file="sbom.cdx.json",
    sbom=b"bill",
    bundle=b"bundle",
    files={"spell.wasm": MODULE},
)


class World:
    """Plays every role of the gate; a test changes what it says."""

    def __init__(self) -> None:
        self.trust_root = sha256_digest(b"root")
        self.signature = SignatureCheck(signer=SIGNER)
        self.bill = BillCheck(bill=BILL)
        self.hits: list[AdvisoryHit] = []
        self.license_reasons: list[Reason] = []
        self.identities: list[IdentityRule] = []
        self.revoked: list[Reason] = []
        self.taken = Snapshot(id="2026-11-25#1", taken_at=NOW, checked_at=NOW)
        self.failing: dict[str, Exception] = {}
        self.fails_times: float = math.inf
        self.bills_read = 0
        self.unknown: list[str] = []
        self.matched: list[Component] = []
        self.licensed: list[Component] = []

    def gate(self, policy: GatePolicy | None = None) -> Gate:
        bills = RememberedBills(self)
        return Gate(
            policy or GatePolicy(), self, bills, self, self, self, self, Revoked(self), lambda: NOW
        )

    def _answer(self, role: str, value: Any) -> Any:
        if role in self.failing and self.fails_times > 0:
            self.fails_times -= 1
            raise self.failing[role]
        return value

    async def verify(self, package_digest: str, bundle: bytes) -> SignatureCheck:
        del package_digest, bundle
        found: SignatureCheck = self._answer("verify", self.signature)
        return found

    async def read(self, content: bytes) -> BillCheck:
        del content
        self.bills_read += 1
        found: BillCheck = self._answer("read", self.bill)
        return found

    async def snapshot(self) -> Snapshot:
        return self.taken

    async def match(self, components: Sequence[Component]) -> list[AdvisoryHit]:
        self.matched = list(components)
        found: list[AdvisoryHit] = self._answer("match", self.hits)
        return found

    def uncovered(self, components: Sequence[Component]) -> list[str]:
        assert ROOT not in components
        return self.unknown

    async def in_force(self, spell_key: str | None = None) -> list[Any]:
        del spell_key
        return []

    async def all_in_force(self) -> list[Any]:
        return []

    def check(self, spell_license: str, components: Sequence[Component]) -> list[Reason]:
        del spell_license
        self.licensed = list(components)
        found: list[Reason] = self._answer("check", self.license_reasons)
        return found

    async def allowed(self, account_id: str, spell_key: str) -> list[IdentityRule]:
        del account_id, spell_key
        return self.identities

    async def pin(self, account_id: str, spell_key: str, rule: IdentityRule) -> list[IdentityRule]:
        raise AssertionError(account_id, spell_key, rule)


class Revoked:
    def __init__(self, world: World) -> None:
        self._world = world

    async def reasons(self, evidence: PackageEvidence, signer: Signer | None) -> list[Reason]:
        del evidence, signer
        return self._world.revoked
