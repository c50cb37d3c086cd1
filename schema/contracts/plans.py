"""What a cast will run: one plan for each mode, fixed at admission."""

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from schema import limits as platform
from schema.contracts.base import Contract
from schema.contracts.run import RunLimits, RunPolicy, Target
from schema.ids import AccountId, Digest, SpellKey, Version
from schema.pricing import Price, worst_case_of, worst_case_of_time


class Mode(StrEnum):
    """How a spell executes."""

    SERVICE = "service"
    WORKFLOW = "workflow"
    CLONE = "clone"


class Dispatch(StrEnum):
    """How a GitHub Actions workflow is started."""

    WORKFLOW = "workflow_dispatch"
    REPOSITORY = "repository_dispatch"


class RunPlan(Contract):
    """A run in the runner fleet: fixed from here on, whatever is repriced later."""

    mode: Literal[Mode.SERVICE] = Mode.SERVICE
    spell_key: SpellKey
    version: Version
    package_digest: Digest
    module_digest: Digest
    target: Target = Target.CORE
    entry: str
    limits: RunLimits
    policy: RunPolicy = RunPolicy()
    price: Price
    maker_account_id: AccountId

    @property
    def worst_case_micros(self) -> int:
        """What it can cost at most: all limits used to the full."""
        return worst_case_of(self.price, self.limits)


class ActionsLimits(Contract):
    """The bounds of one run on GitHub Actions."""

    timeout_ms: Annotated[int, Field(ge=1_000, le=platform.ACTIONS_TIMEOUT_MS_MAX)]
    artifact_bytes_max: Annotated[int, Field(ge=1, le=platform.ARTIFACT_BYTES_MAX)] = (
        platform.ARTIFACT_BYTES_MAX
    )
    """Of each artifact, unpacked."""


class ActionsTarget(Contract):
    """A GitHub Actions workflow that casts run: the manifest's `[execution.workflow]`."""

    repo: str
    """`owner/name`."""
    repository_id: int | None = None
    """What GitHub calls the repository for good, as it was at publication: who has its name later
    may be somebody else, and would get the casters' inputs. None of versions from before."""
    workflow: str
    """The file's name below `.github/workflows/`."""
    ref: str
    """The branch or tag that it is dispatched on."""
    dispatch: Dispatch
    limits: ActionsLimits


class ActionsPlan(ActionsTarget):
    """A run of a GitHub Actions workflow: fixed from here on, whatever is repriced later."""

    mode: Literal[Mode.WORKFLOW]
    spell_key: SpellKey
    version: Version
    package_digest: Digest
    price: Price
    maker_account_id: AccountId

    @property
    def worst_case_micros(self) -> int:
        """What it can cost at most: it runs until its time is up."""
        return worst_case_of_time(self.price, self.limits.timeout_ms)


class CloneOffer(Contract):
    """A template repository that can be bought: the manifest's `[execution.clone]`."""

    template_repo: str
    """`owner/name`."""
    license_url: str
    price: Price
    """Free or one-time; never that of casts."""


def worst_cases_of(
    price: Price, limits: RunLimits | None, actions: ActionsTarget | None, clone: CloneOffer | None
) -> dict[Mode, int]:
    """What each offered mode can cost at most: a cast, or the copy."""
    costs: dict[Mode, int] = {}
    if limits is not None:
        costs[Mode.SERVICE] = worst_case_of(price, limits)
    if actions is not None:
        costs[Mode.WORKFLOW] = worst_case_of_time(price, actions.limits.timeout_ms)
    if clone is not None:
        costs[Mode.CLONE] = worst_case_of_time(clone.price, 0)
    return costs


def _mode_of(plan: Any) -> str:
    """Plans from before there was another mode do not say theirs."""
    mode = plan.get("mode", Mode.SERVICE) if isinstance(plan, dict) else plan.mode
    return str(mode)


CastPlan = Annotated[
    Annotated[RunPlan, Tag(Mode.SERVICE.value)] | Annotated[ActionsPlan, Tag(Mode.WORKFLOW.value)],
    Discriminator(_mode_of),
]
