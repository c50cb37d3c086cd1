"""Publishing one package, as a durable process."""

from temporalio import workflow
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from activities.publishing import PublishingActivities
    from schema.contracts.publish import (
        InspectedPackage,
        PublishInput,
        PublishResult,
        RecordOrder,
    )
    from workflows import _policies as policies
    from workflows._failures import problem_of


@workflow.defn(name="publish_spell")
class PublishSpell:
    """Check an uploaded package, decide on it, and make it a version that can be cast.

    Id: `publish:<account id>:<package digest>`; the same upload again joins or repeats harmlessly.
    Messages: none; the result is the verdict.
    Undo: none needed; nothing is visible before the last step, which is one transaction.
    Never: publishes what did not pass every check; changes a published version.
    See docs/workflows/publish_spell.md.
    """

    @workflow.run
    async def run(self, request: PublishInput) -> PublishResult:
        """Inspect, then decide and record. A refusal is a result with its problem."""
        workflow.set_current_details("checking the package")
        try:
            package: InspectedPackage = await workflow.execute_activity_method(
                PublishingActivities.inspect, request, **policies.INSPECT
            )
            workflow.set_current_details(f"publishing **{package.spell_key}** {package.version}")
            result: PublishResult = await workflow.execute_activity_method(
                PublishingActivities.record,
                RecordOrder(account_id=request.account_id, package=package),
                **policies.RECORD,
            )
        except FailureError as error:
            problem = problem_of(error)
            workflow.set_current_details(f"refused: `{problem.code}` {problem.message}")
            return PublishResult(package_digest=request.package_digest, problem=problem)
        workflow.set_current_details(f"published **{package.spell_key}** {package.version}")
        return result
