"""Goal: one verdict of all checks, with every reason, and closed whatever stumbles."""

import asyncio
from typing import Any

import pytest

from activities.supply_chain.deciding import CurrentEvidence, Deciding
from activities.supply_chain.policy import GatePolicy, snapshot_name
from schema.contracts.supply_chain import (
    AdvisoryHit,
    BillCheck,
    Check,
    CheckOutcome,
    Decision,
    Evidence,
    IdentityRule,
    PackageEvidence,
    Severity,
    SignatureCheck,
)
from schema.errors import SpellError
from schema.limits import CHECK_REASONS_BYTES_MAX
from schema.supply_chain.reasons import reason
from tests.support.fakes import MemoryPackageEvidence
from tests.support.gate import BILL, DIGEST, PACKAGE, ROOT, SIGNER, World


def without(*members: str) -> PackageEvidence:
    return PACKAGE.model_copy(update=dict.fromkeys(members))


def codes(decision: Decision, severity: Severity = Severity.REFUSE) -> list[str]:
    return [each.code for each in decision.reasons if each.severity is severity]


async def test_a_package_in_order_passes_and_names_what_the_verdict_rests_on() -> None:
    world = World()
    gate = world.gate()
    decision = await gate.decide(PACKAGE)
    assert decision.passed
    assert decision.reasons == []
    assert decision.signer == SIGNER
    assert decision.evidence == await gate.evidence()
    assert decision.evidence.trust_root == world.trust_root
    assert decision.evidence.snapshot == "2026-11-25#1"


async def test_reasons_of_every_check_come_together_in_the_order_of_the_checks() -> None:
    world = World()
    world.signature = SignatureCheck(reasons=[reason("BUNDLE_MALFORMED")])
    world.bill = BillCheck(reasons=[reason("SBOM_INVALID")])
    world.license_reasons = [reason("LICENSE_DENIED")]
    world.hits = [AdvisoryHit(purl="pkg:pypi/lib@1", advisory_id="A-1", score=9.8)]
    decision = await world.gate().decide(PACKAGE)
    assert not decision.passed
    assert codes(decision) == [
        "BUNDLE_MALFORMED",
        "SBOM_INVALID",
        "ADVISORY_CRITICAL",
        "LICENSE_DENIED",
    ]


async def test_what_is_missing_refuses_unless_the_operator_accepts_it() -> None:
    package = without("bundle", "sbom", "sbom_file")
    refused = await World().gate().decide(package)
    assert codes(refused) == ["UNSIGNED", "SBOM_MISSING"]
    accepted = await World().gate(GatePolicy(accept_unsigned=True)).decide(package)
    assert accepted.passed
    assert codes(accepted, Severity.WARN) == ["UNSIGNED", "SBOM_MISSING"]
    assert accepted.evidence.policy != refused.evidence.policy


async def test_a_bad_signature_is_refused_even_where_none_would_be_accepted() -> None:
    world = World()
    world.signature = SignatureCheck(reasons=[reason("BUNDLE_MALFORMED")])
    decision = await world.gate(GatePolicy(accept_unsigned=True)).decide(PACKAGE)
    assert not decision.passed


@pytest.mark.parametrize("role", ["verify", "read", "match", "check"])
async def test_a_check_that_stumbles_makes_no_verdict(role: str) -> None:
    world = World()
    world.failing[role] = ValueError("nobody thought of this")
    with pytest.raises(SpellError, match="INTERNAL") as caught:
        await world.gate().decide(PACKAGE)
    assert caught.value.kind.retryable
    assert "nobody thought" not in caught.value.message
    del world.failing[role]
    assert (await world.gate().decide(PACKAGE)).passed


@pytest.mark.parametrize("silent", ["signature", "bill"])
async def test_a_check_that_says_nothing_at_all_makes_no_verdict(silent: str) -> None:
    world = World()
    setattr(world, silent, {"signature": SignatureCheck(), "bill": BillCheck()}[silent])
    with pytest.raises(SpellError, match="INTERNAL"):
        await world.gate().decide(PACKAGE)


@pytest.mark.parametrize("trouble", [SpellError("SERVICE_UNAVAILABLE"), OSError("no files left")])
@pytest.mark.parametrize("role", ["verify", "read", "match", "check"])
async def test_trouble_of_the_platform_is_no_verdict(role: str, trouble: Exception) -> None:
    world = World()
    world.failing[role] = trouble
    with pytest.raises(SpellError, match="SERVICE_UNAVAILABLE"):
        await world.gate().decide(PACKAGE)


async def test_a_verdict_needs_all_four_checks() -> None:
    outcomes = [CheckOutcome(check=Check.SIGNATURE), CheckOutcome(check=Check.SBOM)]
    with pytest.raises(ValueError, match="a verdict needs"):
        World().gate().verdict(DIGEST, outcomes)


async def test_the_manifests_own_signer_is_part_of_the_decision() -> None:
    expected = IdentityRule(issuer=SIGNER.issuer, identity="somebody@example.net")
    decision = await World().gate().decide(PACKAGE.model_copy(update={"expected": expected}))
    assert codes(decision) == ["IDENTITY_MISMATCH"]


async def test_what_may_change_is_the_packages_standing_and_never_in_the_decision() -> None:
    world = World()
    world.identities = [IdentityRule(issuer=SIGNER.issuer, identity="somebody@example.net")]
    world.revoked = [reason("REVOKED_SPELL")]
    gate = world.gate()
    assert (await gate.decide(PACKAGE)).passed
    standing = await gate.standing(PACKAGE, SIGNER)
    assert [each.code for each in standing] == ["IDENTITY_MISMATCH", "REVOKED_SPELL"]
    assert [each.code for each in await gate.standing(PACKAGE, None)] == ["REVOKED_SPELL"]


async def test_what_a_bill_is_about_is_matched_with_advisories_like_any_component() -> None:
    world = World()
    await world.gate().decide(PACKAGE)
    assert world.matched == BILL.components
    assert world.licensed == [each for each in BILL.components if each != ROOT]


async def test_a_check_that_finds_more_than_can_be_told_tells_the_worst() -> None:
    world = World()
    warned = [reason("LICENSE_UNKNOWN", severity=Severity.WARN) for _ in range(20_000)]
    world.license_reasons = [*warned, reason("LICENSE_DENIED", subject="last")]
    decision = await world.gate().decide(PACKAGE)
    assert codes(decision) == ["LICENSE_DENIED"]
    assert len(decision.model_dump_json()) < 2 * CHECK_REASONS_BYTES_MAX
    more = decision.reasons[-1]
    assert (more.code, more.severity) == ("LICENSES_MORE", Severity.WARN)
    assert more.details["left_out"] + len(decision.reasons) - 1 == 20_001


async def test_refusals_that_are_not_told_refuse_as_well() -> None:
    world = World()
    world.license_reasons = [reason("LICENSE_DENIED", "x" * CHECK_REASONS_BYTES_MAX)]
    decision = await world.gate().decide(PACKAGE)
    assert codes(decision) == ["LICENSES_MORE"]


async def test_components_that_no_advisories_cover_are_named() -> None:
    world = World()
    world.unknown = ["pkg:pip/jinja2@2.10", "pkg:go/x@1"]
    decision = await world.gate().decide(PACKAGE)
    assert decision.passed
    [note] = decision.reasons
    assert (note.code, note.severity) == ("ADVISORIES_UNCOVERED", Severity.NOTE)
    assert "'pkg:pip/jinja2@2.10' and 1 more" in note.message


async def test_one_bill_is_read_once_for_three_checks() -> None:
    world = World()
    await world.gate().decide(PACKAGE)
    assert world.bills_read == 1


@pytest.mark.parametrize(
    "other",
    [
        GatePolicy(accept_unsigned=True),
        GatePolicy(settings=("denied:X",)),
        GatePolicy(advisories=GatePolicy().advisories.model_copy(update={"refuse_score": 6.0})),
    ],
    ids=["unsigned", "licenses", "scores"],
)
async def test_other_settings_are_another_policy(other: GatePolicy) -> None:
    assert other.version != GatePolicy().version


def test_a_snapshot_without_exceptions_is_called_by_its_own_name() -> None:
    assert snapshot_name("2026-11-25#1", []) == "2026-11-25#1"


class Loading:
    def __init__(self) -> None:
        self.asked = 0
        self.fails = False

    async def __call__(self) -> Evidence:
        self.asked += 1
        if self.fails:
            raise SpellError("SERVICE_UNAVAILABLE")
        return Evidence(policy="p", trust_root="t", snapshot=str(self.asked))


async def test_evidence_is_asked_for_once_by_all_who_ask_at_once() -> None:
    load = Loading()
    current = CurrentEvidence(load)
    found = await asyncio.gather(*(current.get() for _ in range(20)))
    assert load.asked == 1
    assert {each.snapshot for each in found} == {"1"}


async def test_evidence_that_is_not_fresh_is_asked_for_beside_those_who_use_it() -> None:
    load = Loading()
    current = CurrentEvidence(load, fresh_seconds=-1.0)
    assert (await current.get()).snapshot == "1"
    assert (await current.get()).snapshot == "1"
    await asyncio.sleep(0)
    assert load.asked == 2


async def test_evidence_that_is_too_old_is_not_used_when_it_cannot_be_read() -> None:
    load = Loading()
    current = CurrentEvidence(load, stale_seconds=-1.0)
    await current.get()
    load.fails = True
    with pytest.raises(SpellError, match="SERVICE_UNAVAILABLE"):
        await current.get()


async def test_a_package_of_which_nothing_is_known_is_unverified() -> None:
    gate = World().gate()
    deciding = Deciding(gate, NoDecisions(), MemoryPackageEvidence(), gate.evidence)
    with pytest.raises(SpellError, match="SPELL_UNVERIFIED"):
        await deciding.decide(DIGEST)


class NoDecisions:
    async def find(self, package_digest: str, evidence: Evidence) -> Decision | None:
        raise AssertionError(package_digest, evidence)

    async def decide_once(self, package_digest: str, evidence: Evidence, compute: Any) -> Decision:
        raise AssertionError(package_digest, evidence, compute)
