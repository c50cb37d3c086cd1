"""The supply-chain gate of a worker, wired: one for publishing and casts."""

from collections.abc import Awaitable, Callable

from activities.supply_chain import ports
from activities.supply_chain.deciding import CurrentEvidence, Deciding
from activities.supply_chain.gate import Gate
from activities.supply_chain.policy import GatePolicy
from activities.supply_chain.remembered_bills import RememberedBills
from infra.platform import Platform
from infra.repositories.advisory_exceptions import PostgresAdvisoryExceptions
from infra.repositories.decisions import PostgresDecisions
from infra.repositories.package_evidence import PostgresPackageEvidence
from infra.repositories.revocations import PostgresRevocations
from infra.repositories.signing_identities import PostgresSigningIdentities
from infra.supply_chain.advisories.chosen import chosen_advisories
from infra.supply_chain.licenses.license_rules import SpdxLicenseRules
from infra.supply_chain.signatures.trusted_root import TrustedRoots
from infra.supply_chain.signatures.verifier import SigstoreVerifier
from schema.contracts.supply_chain import Evidence


def deciding_of(platform: Platform, gate: Gate) -> Deciding:
    """Verdicts on published versions, as casts look them up: they do not wait for evidence."""
    return _deciding(platform, gate, CurrentEvidence(gate.evidence).get)


def deciding_anew_of(platform: Platform, gate: Gate) -> Deciding:
    """Verdicts for who must not go by what was known a moment ago: re-scans and clocks."""
    return _deciding(platform, gate, gate.evidence)


def _deciding(
    platform: Platform, gate: Gate, evidence: Callable[[], Awaitable[Evidence]]
) -> Deciding:
    decisions = PostgresDecisions(platform.database)
    return Deciding(gate, decisions, PostgresPackageEvidence(platform.database), evidence)


def build_gate(platform: Platform, bills: ports.BillReader) -> Gate:
    """The gate by this installation's settings.

    Args:
        platform: open connections and settings.
        bills: reads bills of materials.

    Raises:
        TrustedRootError: SPELL_TRUST_ROOT_FILE is none.
    """
    settings, database = platform.settings, platform.database
    policy = GatePolicy(
        accept_unsigned=settings.accept_unsigned_packages,
        advisories=settings.advisory_policy,
        settings=tuple(f"denied:{license_id}" for license_id in settings.licenses_denied),
    )
    return Gate(
        policy,
        SigstoreVerifier(TrustedRoots(settings.trust_root_file)),
        RememberedBills(bills),
        chosen_advisories(settings, database),
        PostgresAdvisoryExceptions(database),
        SpdxLicenseRules(settings.licenses_denied),
        PostgresSigningIdentities(database),
        PostgresRevocations(database),
    )
