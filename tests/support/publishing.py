"""A publishing worker whose steps only answer: for the workflow's own decisions."""

import secrets
import uuid
from collections.abc import Mapping
from typing import Any

from temporalio import activity
from temporalio.client import Client, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

from schema.compiled_code import CompiledCode
from schema.contracts.plans import ActionsTarget
from schema.contracts.publish import (
    ConcludeOrder,
    DecideOrder,
    InspectedPackage,
    ModuleFacts,
    OpenedPackage,
    PublishInput,
    PublishResult,
    RecordOrder,
    StandingOrder,
)
from schema.contracts.repositories import FoundRepositories, RepositoriesOrder
from schema.contracts.supply_chain import Check, CheckOutcome, Decision
from schema.ids import publish_workflow_id
from schema.supply_chain.reasons import reason
from tests.support.builders import NO_EVIDENCE, a_package
from workflows.publish_spell import PublishSpell

ENGINE = "wasmtime-1/000000000000"
ACCOUNT = "acct_" + "a" * 16


class AnyModule:
    async def inspect(
        self, module: bytes, entry: str, memory_bytes_max: int
    ) -> tuple[ModuleFacts, CompiledCode]:
        del module, entry, memory_bytes_max
        facts = ModuleFacts(imports=[], exports=["_start"], memory_bytes_min=0)
        return facts, CompiledCode(ENGINE, b"machine code")


def a_publication(package: InspectedPackage | None = None, **changes: Any) -> PublishInput:
    """A publication of its own of a package, unsigned unless a bundle is named."""
    tail = "".join(secrets.choice("abcdefghijklmnopqrstuvwxyz234567") for _ in range(26))
    members: dict[str, Any] = {
        "publication_id": f"pub_{'a' * 16}_{tail}",
        "account_id": ACCOUNT,
        "package_digest": (package or a_package(key="com.example.recorded")).package_digest,
        "package_bytes": 1,
    }
    return PublishInput(**{**members, **changes})


REPOSITORY_ID = 4711
"""What GitHub calls the repository of `ScriptedPublishing`."""


class ScriptedPublishing:
    """Runs `PublishSpell` with steps that answer at once.

    Args:
        client: of the Temporal to run on.
        refuse: by step, the code that it refuses with: a reason's for the checks, an error's else.
        actions: what its manifest says of GitHub Actions.
    """

    def __init__(
        self, client: Client, refuse: Mapping[str, str], actions: ActionsTarget | None = None
    ) -> None:
        package = a_package(key="com.example.recorded")
        self.package = package.model_copy(update={"actions": actions})
        self.recorded: list[InspectedPackage] = []
        self.request = a_publication(self.package)
        self.ran: list[str] = []
        self.concluded: list[PublishResult] = []
        self._client = client
        self._refuse = refuse
        self._actions = actions
        self._queue = f"publishing-{uuid.uuid4()}"
        self.worker = Worker(
            client, task_queue=self._queue, workflows=[PublishSpell], activities=self._activities()
        )

    async def start(self) -> WorkflowHandle[PublishSpell, PublishResult]:
        return await self._client.start_workflow(
            PublishSpell.run,
            self.request,
            id=publish_workflow_id(self.request.publication_id),
            task_queue=self._queue,
        )

    def _step(self, name: str) -> None:
        self.ran.append(name)
        if name in self._refuse:
            raise ApplicationError("no", type=self._refuse[name], non_retryable=True)

    def _outcome(self, name: str, check: Check) -> CheckOutcome:
        self.ran.append(name)
        reasons = [reason(self._refuse[name])] if name in self._refuse else []
        return CheckOutcome(check=check, basis="none", reasons=reasons)

    def _activities(self) -> list[Any]:  # noqa: C901  (one answer for each step)
        @activity.defn(name="publishing.open")
        async def open_(request: PublishInput) -> OpenedPackage:
            del request
            self._step("open")
            return OpenedPackage(
                spell_key=self.package.spell_key,
                version=self.package.version,
                actions=self._actions,
            )

        @activity.defn(name="repositories.check")
        async def repositories(order: RepositoriesOrder) -> FoundRepositories:
            assert order.opened.actions == self._actions is not None
            self._step("repositories")
            return FoundRepositories(actions_id=REPOSITORY_ID)

        @activity.defn(name="checking.signature")
        async def signature(request: PublishInput) -> CheckOutcome:
            del request
            return self._outcome("signature", Check.SIGNATURE)

        @activity.defn(name="checking.sbom")
        async def sbom(request: PublishInput) -> CheckOutcome:
            del request
            return self._outcome("sbom", Check.SBOM)

        @activity.defn(name="checking.advisories")
        async def advisories(request: PublishInput) -> CheckOutcome:
            del request
            return self._outcome("advisories", Check.ADVISORIES)

        @activity.defn(name="checking.licenses")
        async def licenses(request: PublishInput) -> CheckOutcome:
            del request
            return self._outcome("licenses", Check.LICENSES)

        @activity.defn(name="checking.standing")
        async def standing(order: StandingOrder) -> CheckOutcome:
            del order
            return self._outcome("standing", Check.REVOCATIONS)

        @activity.defn(name="checking.decide")
        async def decide(order: DecideOrder) -> Decision:
            reasons = [each for outcome in order.outcomes for each in outcome.reasons]
            return Decision(
                package_digest=order.request.package_digest,
                passed=not reasons,
                evidence=NO_EVIDENCE,
                reasons=reasons,
            )

        @activity.defn(name="publishing.module")
        async def module(request: PublishInput) -> InspectedPackage:
            del request
            self._step("module")
            return self.package

        @activity.defn(name="publishing.record")
        async def record(order: RecordOrder) -> PublishResult:
            self._step("record")
            self.recorded.append(order.package)
            return PublishResult(
                package_digest=order.package.package_digest,
                spell_key=order.package.spell_key,
                version=order.package.version,
                created=True,
                decision=order.decision,
            )

        @activity.defn(name="publishing.conclude")
        async def conclude(order: ConcludeOrder) -> None:
            self._step("conclude")
            self.concluded.append(order.result)

        checks = [signature, sbom, advisories, licenses, standing, decide]
        return [open_, repositories, *checks, module, record, conclude]
