"""Advisories and revocations of a platform that has neither. They fit the gate's ports."""

from collections.abc import Sequence

from schema.contracts.bill import Component
from schema.contracts.supply_chain import (
    AdvisoryException,
    AdvisoryHit,
    PackageEvidence,
    Reason,
    Signer,
    Snapshot,
)


class NoAdvisories:
    """Nothing was imported, so nothing is matched. Fits `Advisories` and `AdvisoryRules`."""

    async def snapshot(self) -> Snapshot:
        """The snapshot that there is while nothing was imported."""
        return Snapshot(id="none")

    async def match(self, components: Sequence[Component]) -> list[AdvisoryHit]:
        """No vulnerability is known."""
        del components
        return []

    async def exceptions(self) -> Sequence[AdvisoryException]:
        """Nothing to except."""
        return []

    def reasons(
        self,
        spell_key: str,
        hits: Sequence[AdvisoryHit],
        exceptions: Sequence[AdvisoryException],
    ) -> list[Reason]:
        """No hit, no reason."""
        del spell_key, hits, exceptions
        return []


class NoRevocations:
    """Nothing was revoked. Fits `Revocations`."""

    async def reasons(self, evidence: PackageEvidence, signer: Signer | None) -> list[Reason]:
        """No reason."""
        del evidence, signer
        return []
