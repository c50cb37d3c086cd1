"""Publishing one package, as a durable process."""

from typing import Any

from temporalio import workflow
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from activities.checking import CheckingActivities
    from activities.publishing import PublishingActivities
    from activities.repositories import RepositoryActivities
    from schema.contracts.problem import Problem
    from schema.contracts.publish import (
        ConcludeOrder,
        DecideOrder,
        InspectedPackage,
        OpenedPackage,
        PublishInput,
        PublishResult,
        RecordOrder,
        StandingOrder,
    )
    from schema.contracts.repositories import FoundRepositories, RepositoriesOrder
    from schema.contracts.supply_chain import CheckOutcome, Decision
    from schema.supply_chain.verdicts import unverified, with_standing
    from workflows import _policies as policies
    from workflows._failures import problem_of

_CHECKS: tuple[tuple[str, Any], ...] = (
    ("signature", CheckingActivities.signature),
    ("bill of materials", CheckingActivities.sbom),
    ("advisories", CheckingActivities.advisories),
    ("licenses", CheckingActivities.licenses),
)


@workflow.defn(name="publish_spell")
class PublishSpell:
    """Check an uploaded package, decide on it, and make it a version that can be cast.

    Id: `publish:<publication id>`; a second start joins.
    Messages: none; the result is the verdict.
    Undo: none needed; nothing is visible before `publishing.record`, which is one transaction.
    Never: publishes what did not pass every check; changes a published version.
    See docs/workflows/publish_spell.md.
    """

    @workflow.run
    async def run(self, request: PublishInput) -> PublishResult:
        """Publish or refuse, then tell everybody. A refusal is a result with its problem."""
        try:
            result = await self._publish(request)
        except FailureError as error:
            result = PublishResult(package_digest=request.package_digest, problem=problem_of(error))
        result = result.model_copy(update={"publication_id": request.publication_id})
        await workflow.execute_activity_method(
            PublishingActivities.conclude,
            ConcludeOrder(request=request, result=result),
            **policies.CONCLUDE,
        )
        if result.problem is None:
            _show(f"published **{result.spell_key}** {result.version}")
        else:
            _show(f"refused: `{result.problem.code}` {result.problem.message}")
        return result

    async def _publish(self, request: PublishInput) -> PublishResult:
        """Every check is made, so that a maker reads all reasons at once."""
        _show("opening the package")
        opened: OpenedPackage = await workflow.execute_activity_method(
            PublishingActivities.open, request, **policies.CHECK
        )
        found: FoundRepositories | None = None
        if opened.actions is not None or opened.clone is not None:
            _show("looking at the repositories")
            found = await workflow.execute_activity_method(
                RepositoryActivities.check,
                RepositoriesOrder(request=request, opened=opened),
                **policies.CHECK,
            )
        decision = await self._decide(request)
        if not decision.passed:
            return PublishResult(
                package_digest=request.package_digest,
                spell_key=opened.spell_key,
                version=opened.version,
                decision=decision,
                problem=Problem.of(unverified(decision)),
            )
        _show(f"compiling **{opened.spell_key}** {opened.version}")
        package: InspectedPackage = await workflow.execute_activity_method(
            PublishingActivities.module, request, **policies.INSPECT
        )
        if found is not None:
            package = package.with_repository(found.actions_id)
        return await self._record(RecordOrder(request=request, package=package, decision=decision))

    async def _decide(self, request: PublishInput) -> Decision:
        """The verdict of the four checks, and what the moment says against it."""
        outcomes: list[CheckOutcome] = []
        for name, check in _CHECKS:
            _show(f"checking the {name}")
            outcomes.append(
                await workflow.execute_activity_method(check, request, **policies.CHECK)
            )
        decision: Decision = await workflow.execute_activity_method(
            CheckingActivities.decide,
            DecideOrder(request=request, outcomes=outcomes),
            **policies.LOOK_UP,
        )
        standing: CheckOutcome = await workflow.execute_activity_method(
            CheckingActivities.standing,
            StandingOrder(request=request, signer=decision.signer),
            **policies.LOOK_UP,
        )
        return with_standing(decision, standing.reasons)

    async def _record(self, order: RecordOrder) -> PublishResult:
        _show(f"publishing **{order.package.spell_key}** {order.package.version}")
        result: PublishResult = await workflow.execute_activity_method(
            PublishingActivities.record, order, **policies.RECORD
        )
        return result


def _show(details: str) -> None:
    """What an operator reads in the Temporal UI while it runs."""
    workflow.set_current_details(details)
