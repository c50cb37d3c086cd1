"""The roles that the supply-chain gate needs played. Adapters in `infra/supply_chain/` fit them."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from schema.contracts.advisories import ImportReport
from schema.contracts.bill import Component
from schema.contracts.supply_chain import (
    AdvisoryException,
    AdvisoryHit,
    BillCheck,
    Decision,
    Evidence,
    IdentityRule,
    PackageEvidence,
    Reason,
    SignatureCheck,
    Signer,
    Snapshot,
)
from schema.contracts.supply_chain_log import LogEntry


class SignatureVerifier(Protocol):
    """Sigstore bundles over package digests, offline, on a trusted root that nobody writes."""

    @property
    def trust_root(self) -> str:
        """Digest of the trusted root in use; another one after it was rotated."""

    async def verify(self, package_digest: str, bundle: bytes) -> SignatureCheck:
        """Who signed this digest, and when; or why that cannot be said. Content never raises."""


class SigningIdentities(Protocol):
    """Who may sign a maker's packages."""

    async def allowed(self, account_id: str, spell_key: str) -> list[IdentityRule]:
        """The rules for this spell; empty: whoever signs first is trusted."""

    async def pin(self, account_id: str, spell_key: str, rule: IdentityRule) -> list[IdentityRule]:
        """Make the first signer the spell's rule, unless there is one; the rules in force now.

        Two first signers may come at once: what is published must fit what this answers.
        """


class BillReader(Protocol):
    """Bills of materials, in the formats that are taken."""

    async def read(self, content: bytes) -> BillCheck:
        """The bill, or why it is none. Content never raises."""


class Advisories(Protocol):
    """Known vulnerabilities, merged over their sources."""

    async def snapshot(self) -> Snapshot:
        """What was imported last."""

    async def match(self, components: Sequence[Component]) -> list[AdvisoryHit]:
        """Every vulnerability that one of the components has, each alias group once."""

    def uncovered(self, components: Sequence[Component]) -> list[str]:
        """The purls of components that no advisory can speak of, whatever is imported."""


class AdvisoryImporter(Protocol):
    """Brings in what the sources of advisories have published."""

    async def import_advisories(self, *, full: bool, note: Callable[[str], None]) -> ImportReport:
        """Read every configured source; sources that fail are named in the report.

        Args:
            full: look at every record, and not only at those newer than the last ones.
            note: is told how far it is, now and then, from the event loop.

        Raises SpellError: SERVICE_UNAVAILABLE (no source could be read).
        """


class AdvisoryExceptions(Protocol):
    """What operators said does not affect."""

    async def in_force(self, spell_key: str | None = None) -> list[AdvisoryException]:
        """Exceptions neither removed nor expired: of one spell and of every spell."""

    async def all_in_force(self) -> list[AdvisoryException]:
        """Exceptions neither removed nor expired, of whatever spell."""


class LicenseRules(Protocol):
    """What license expressions mean, and which go together."""

    def check(self, spell_license: str, components: Sequence[Component]) -> list[Reason]:
        """Every component whose license is denied, unknown, or does not go with the spell's."""


class PackageEvidences(Protocol):
    """What the checks look at, of every package whose form is right."""

    async def keep(self, evidence: PackageEvidence) -> None:
        """Keep the evidence; what is kept of this digest already stays as it is."""

    async def find(self, package_digest: str) -> PackageEvidence | None:
        """What was kept, or None."""


class Revocations(Protocol):
    """Digests, identities, keys and spells that nothing may rest on any more."""

    async def reasons(self, evidence: PackageEvidence, signer: Signer | None) -> list[Reason]:
        """Every revocation in force that this package or its signer falls under."""


class Decisions(Protocol):
    """Verdicts that were made, each once for a digest and what it was decided on."""

    async def find(self, package_digest: str, evidence: Evidence) -> Decision | None:
        """The verdict, or None while there is none."""

    async def decide_once(
        self,
        package_digest: str,
        evidence: Evidence,
        compute: Callable[[], Awaitable[Decision]],
    ) -> Decision:
        """The verdict; `compute` makes it, once among all workers, when there is none.

        Raises SpellError: SERVICE_UNAVAILABLE, the database is away.
        """


class SupplyChainLog(Protocol):
    """Who did what to which spell, and what the checks said. Nothing in it is ever changed."""

    async def append(self, entry: LogEntry) -> bool:
        """Write a deed down once; False when one of this reference is there already."""
