"""The supply-chain gate, as messages: what was checked, what was found, what was decided."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AwareDatetime, ConfigDict, Field

from schema.contracts.base import Contract
from schema.contracts.bill import Bill
from schema.ids import AccountId, Digest, SpellKey, Version


class Check(StrEnum):
    """The checks of the gate, in their order."""

    SIGNATURE = "signature"
    SBOM = "sbom"
    ADVISORIES = "advisories"
    LICENSES = "licenses"
    REVOCATIONS = "revocations"


class Severity(StrEnum):
    """What a reason does to the decision."""

    REFUSE = "refuse"
    WARN = "warn"
    NOTE = "note"


class Reason(Contract):
    """One thing that a check found. Codes are in `schema/supply_chain/reasons.py`."""

    check: Check
    severity: Severity
    code: str
    message: str
    """One sentence that a maker can act on."""
    subject: str | None = None
    """The file, component (as purl) or identity that it is about."""
    details: dict[str, Any] = Field(default_factory=dict)


class Signer(Contract):
    """Who signed a package, as the certificate and the transparency log say."""

    identity: str
    """The certificate's subject alternative name: an e-mail address or a workflow's URI."""
    issuer: str
    """The OIDC issuer that vouched for the identity."""
    signed_at: datetime
    """The time that the log or a time-stamp authority attests."""
    key_digest: Digest
    """SHA-256 of the signing key's SubjectPublicKeyInfo."""
    log_id: str | None = None
    """Base64 id of the transparency log."""
    log_index: int | None = None
    repository: str | None = None
    """`owner/name` when a GitHub workflow signed."""
    ref: str | None = None
    """The git ref that the workflow ran on."""
    workflow: str | None = None
    """The workflow's name."""


class IdentityRule(Contract):
    """Who may sign a maker's packages. Every member that is set must fit."""

    issuer: Annotated[str, Field(min_length=1, max_length=512)]
    identity: Annotated[str, Field(min_length=1, max_length=512)] | None = None
    """Exactly the certificate's subject alternative name."""
    repository: Annotated[str, Field(min_length=1, max_length=140)] | None = None
    """`owner/name` on GitHub."""
    ref: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    """A git ref; a `*` at its end stands for anything."""


class Evidence(Contract):
    """What a decision was made on: a decision is looked up by these and the package's digest."""

    policy: str
    """Version of the rules and their settings."""
    trust_root: str
    """Digest of the Sigstore trusted root."""
    snapshot: str
    """The advisory snapshot, with its date: `2026-11-25#3`; `none` while there is none."""


class Decision(Contract):
    """The supply-chain verdict on one package digest, with every reason (product.md 5)."""

    package_digest: Digest
    passed: bool
    evidence: Evidence
    reasons: list[Reason]
    signer: Signer | None = None


class CheckOutcome(Contract):
    """What one check found, and what it went by."""

    check: Check
    basis: str = ""
    """Of the signature the trusted root's digest, of the advisories their snapshot."""
    reasons: list[Reason] = Field(default_factory=list)
    signer: Signer | None = None

    @property
    def refuses(self) -> bool:
        """Whether one of its reasons is enough to refuse the package."""
        return any(reason.severity is Severity.REFUSE for reason in self.reasons)


class PackageEvidence(Contract):
    """What the checks look at, of one package; all of it is under the package's digest."""

    # Bills and bundles come from strangers: as JSON they travel as base64, whatever they hold.
    model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")

    package_digest: Digest
    account_id: AccountId
    spell_key: SpellKey
    version: Version
    license: str
    """The spell's own, as an SPDX expression."""
    expected: IdentityRule | None = None
    """The signer that the manifest names."""
    sbom_file: str | None = None
    sbom: bytes | None = None
    bundle: bytes | None = None
    """The Sigstore bundle that came with the package, as JSON; None when it is unsigned."""
    files: dict[str, Digest]
    """Digest of every packaged file, by name."""


class SignatureCheck(Contract):
    """What the signature said."""

    signer: Signer | None = None
    reasons: list[Reason] = Field(default_factory=list)


class BillCheck(Contract):
    """What the bill of materials said."""

    bill: Bill | None = None
    reasons: list[Reason] = Field(default_factory=list)


class AdvisoryHit(Contract):
    """One vulnerability, whatever its sources call it, that a component has."""

    purl: str
    advisory_id: str
    """The first id of its alias group, in the order of ids."""
    aliases: list[str] = Field(default_factory=list)
    """The other ids of the group, in order."""
    score: float | None = None
    """The highest CVSS base score of the group; None when no source scores it."""
    vector: str | None = None
    """The CVSS vector that gave the score."""
    summary: str = ""
    fixed_in: list[str] = Field(default_factory=list)
    """The versions above the component's that do not have it, in their order."""
    malicious: bool = False
    """The package itself is the attack (OSV's `MAL-` records)."""
    undecided: bool = False
    """Nobody can say whether the component has it: its version, or the advisory's, has no order."""


class Snapshot(Contract):
    """The advisories that were matched, as of one import."""

    id: str
    """`<date>#<number>`; `none` while nothing was imported."""
    taken_at: datetime | None = None
    checked_at: datetime | None = None
    """When its sources were last asked for news, of which there may have been none."""
    records: int = 0
    sources: dict[str, Any] = Field(default_factory=dict)


class Justification(StrEnum):
    """Why a vulnerability does not affect: the status justifications of VEX (OpenVEX 0.2.0)."""

    COMPONENT_NOT_PRESENT = "component_not_present"
    CODE_NOT_PRESENT = "vulnerable_code_not_present"
    CODE_NOT_IN_EXECUTE_PATH = "vulnerable_code_not_in_execute_path"
    CODE_NOT_CONTROLLED_BY_ADVERSARY = "vulnerable_code_cannot_be_controlled_by_adversary"
    INLINE_MITIGATIONS = "inline_mitigations_already_exist"


class ExceptionStatement(Contract):
    """What an operator says to make an exception, in the manner of VEX."""

    advisory_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{1,127}$")]
    """Any id of the alias group."""
    purl: Annotated[str, Field(pattern=r"^pkg:[!-~]+$", max_length=512)] | None = None
    """The component it is about, without version for all versions; None for all."""
    spell_key: SpellKey | None = None
    """None for every spell."""
    justification: Justification
    statement: Annotated[str, Field(max_length=1_000, pattern=r"^[^\p{C}]*[^\p{C}\p{Z}][^\p{C}]*$")]
    """The reason in words, on one line, for whoever reads the decision."""
    expires_at: AwareDatetime
    """At most a year ahead: what is true today is looked at again."""


class AdvisoryException(ExceptionStatement):
    """An operator's statement that a vulnerability does not affect, and who made it."""

    added_by: Annotated[str, Field(min_length=1, max_length=128)]
    """The account, or `operator` at the command line of the platform itself."""
