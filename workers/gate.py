"""The supply-chain gate of a worker, wired: one for publishing and casts."""

from activities.supply_chain import ports
from activities.supply_chain.deciding import Deciding
from activities.supply_chain.gate import Gate
from activities.supply_chain.policy import GatePolicy
from activities.supply_chain.remembered_bills import RememberedBills
from infra.platform import Platform
from infra.repositories.advisory_exceptions import PostgresAdvisoryExceptions
from infra.repositories.decisions import PostgresDecisions
from infra.repositories.package_evidence import PostgresPackageEvidence
from infra.repositories.revocations import PostgresRevocations
from infra.repositories.signing_identities import PostgresSigningIdentities
from infra.supply_chain.advisories.postgres_advisories import PostgresAdvisories
from infra.supply_chain.licenses.license_rules import SpdxLicenseRules
from infra.supply_chain.signatures.trusted_root import TrustedRoots
from infra.supply_chain.signatures.verifier import SigstoreVerifier


def deciding_of(platform: Platform, gate: Gate) -> Deciding:
    """Verdicts on published versions, as casts look them up."""
    database = platform.database
    return Deciding(gate, PostgresDecisions(database), PostgresPackageEvidence(database))


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
        PostgresAdvisories(database),
        PostgresAdvisoryExceptions(database),
        SpdxLicenseRules(settings.licenses_denied),
        PostgresSigningIdentities(database),
        PostgresRevocations(database),
    )
