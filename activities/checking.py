"""The checks of the supply-chain gate, each a step of a publication."""

from collections.abc import Awaitable, Callable

from temporalio import activity

from activities._failures import to_failure
from activities.publication_steps import PublicationSteps, told
from activities.supply_chain.gate import Gate
from schema.contracts.publish import DecideOrder, PublishInput, PublishStep, StandingOrder
from schema.contracts.supply_chain import Check, CheckOutcome, Decision, PackageEvidence
from schema.errors import SpellError

STUMBLES_MAX = 3
"""How often a check is tried that fails for no known trouble of the platform."""


class CheckingActivities:
    """Has the gate check what was opened. A refusal is an outcome; a failure is the platform's."""

    def __init__(self, gate: Gate, steps: PublicationSteps) -> None:
        self._gate = gate
        self._steps = steps

    @activity.defn(name="checking.signature")
    async def signature(self, request: PublishInput) -> CheckOutcome:
        """Check who signed the package.

        Effect: an event of the publication.
        Same twice: the same outcome, one event.
        Gives up on: INTERNAL, a check that stumbles over this content again and again.
        Heartbeat: none; milliseconds.
        """
        return await self._check(request, PublishStep.SIGNATURE, self._gate.check_signature)

    @activity.defn(name="checking.sbom")
    async def sbom(self, request: PublishInput) -> CheckOutcome:
        """Check the bill of materials.

        Effect: an event of the publication.
        Same twice: the same outcome, one event.
        Gives up on: INTERNAL, a check that stumbles over this content again and again.
        Heartbeat: none; reading a bill has its own time limit.
        """
        return await self._check(request, PublishStep.SBOM, self._gate.check_sbom)

    @activity.defn(name="checking.advisories")
    async def advisories(self, request: PublishInput) -> CheckOutcome:
        """Match the components with known vulnerabilities.

        Effect: an event of the publication.
        Same twice: the same outcome, one event, unless advisories were imported meanwhile.
        Gives up on: INTERNAL, a check that stumbles over this content again and again.
        Heartbeat: none; reading a bill has its own time limit.
        """
        return await self._check(request, PublishStep.ADVISORIES, self._gate.check_advisories)

    @activity.defn(name="checking.licenses")
    async def licenses(self, request: PublishInput) -> CheckOutcome:
        """Judge the components' licenses.

        Effect: an event of the publication.
        Same twice: the same outcome, one event.
        Gives up on: INTERNAL, a check that stumbles over this content again and again.
        Heartbeat: none; reading a bill has its own time limit.
        """
        return await self._check(request, PublishStep.LICENSES, self._gate.check_licenses)

    @activity.defn(name="checking.standing")
    async def standing(self, order: StandingOrder) -> CheckOutcome:
        """Ask what the moment says: whom the maker lets sign, and what was revoked.

        Effect: an event of the publication.
        Same twice: one event; the outcome is that of its moment.
        Gives up on: nothing.
        Heartbeat: none; two short reads.
        """
        async with self._steps.step(order.request, PublishStep.STANDING) as found:
            package = await self._steps.evidence(order.request)
            reasons = await self._gate.standing(package, order.signer)
            found.update(told(reasons))
        return CheckOutcome(check=Check.REVOCATIONS, reasons=reasons)

    @activity.defn(name="checking.decide")
    async def decide(self, order: DecideOrder) -> Decision:
        """Make one verdict of what the four checks found.

        Effect: none; it is recorded with the version, if there comes to be one.
        Same twice: the same verdict.
        Gives up on: nothing.
        Heartbeat: none; no wait in it.
        """
        return self._gate.verdict(order.request.package_digest, order.outcomes)

    async def _check(
        self,
        request: PublishInput,
        step: PublishStep,
        check: Callable[[PackageEvidence], Awaitable[CheckOutcome]],
    ) -> CheckOutcome:
        async with self._steps.step(request, step) as found:
            outcome = await _made(check, await self._steps.evidence(request))
            found.update(told(outcome.reasons))
        return outcome


async def _made(
    check: Callable[[PackageEvidence], Awaitable[CheckOutcome]], package: PackageEvidence
) -> CheckOutcome:
    """The outcome. A stumble that comes with every attempt ends the publication, unpublished."""
    try:
        return await check(package)
    except SpellError as error:
        if error.code == "INTERNAL" and activity.info().attempt >= STUMBLES_MAX:
            raise to_failure(error, for_good=True) from error
        raise
