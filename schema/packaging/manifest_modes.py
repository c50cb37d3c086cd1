"""Rules on the modes that a manifest offers: their sections, the fallback, their prices."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from schema.contracts.plans import Mode
from schema.money import MICROS_MAX
from schema.packaging.manifest_sections import ExecutionSection
from schema.packaging.toml_lines import Path
from schema.pricing import Price, measures_more_than_time

Rule = tuple[Path, str]
"""A member, and what is wrong with it."""

_ONCE = ("one_time", "free")


def section_rules(document: Mapping[str, Any]) -> list[Rule]:
    """Whether the first choice has its section.

    Read from the raw document: these errors are listed beside those of the sections.
    """
    execution = document.get("execution")
    if not isinstance(execution, dict):
        return []
    present: dict[str, tuple[Path, bool]] = {
        "service": (("runtime",), "runtime" in document),
        "workflow": (("execution", "workflow"), "workflow" in execution),
        "clone": (("execution", "clone"), "clone" in execution),
    }
    mode = execution.get("mode")
    if mode not in list(present):
        return []
    path, is_there = present[mode]
    return [] if is_there else [(path, f"is required with mode {mode}")]


def offer_rules(execution: ExecutionSection, modes: Sequence[Mode]) -> Iterator[Rule]:
    """Which modes go together, and which of them can stand in for another."""
    if execution.mode is Mode.CLONE and len(modes) > 1:
        message = "cannot be clone beside other modes: a cast must find how it runs"
        yield ("execution", "mode"), message
    fallback = execution.fallback
    if fallback is None:
        return
    if fallback is Mode.CLONE:
        yield ("execution", "fallback"), "cannot be clone: a copy is bought, it does not run"
    elif fallback is execution.mode:
        yield ("execution", "fallback"), "must be another mode than execution.mode"
    elif fallback not in modes:
        section = "runtime" if fallback is Mode.SERVICE else "execution.workflow"
        yield ("execution", "fallback"), f"needs the section [{section}]"


def price_rules(
    pricing: Price, execution: ExecutionSection, worst_cases: Mapping[Mode, int]
) -> Iterator[Rule]:
    """Which prices go with which modes, and that no cast can cost what no hold can be."""
    if set(worst_cases) == {Mode.CLONE}:
        yield from _clone_price(pricing, ("pricing",))
        if execution.clone is not None and execution.clone.pricing is not None:
            message = "goes only beside another mode: clone alone is priced by [pricing]"
            yield ("execution", "clone", "pricing"), message
        return
    if pricing.model == "one_time":
        yield ("pricing", "model"), "one_time goes only with mode clone"
    if Mode.WORKFLOW in worst_cases and measures_more_than_time(pricing):
        message = "may price only compute_ms with mode workflow: nothing else is measured there"
        yield ("pricing", "unit_micros"), message
    if any(cost > MICROS_MAX for mode, cost in worst_cases.items() if mode is not Mode.CLONE):
        message = f"a cast that uses its limits would cost over {MICROS_MAX} micros: lower either"
        yield ("pricing",), message
    if execution.clone is not None:
        yield from _price_of_its_own(execution.clone.pricing)


def _price_of_its_own(price: Price | None) -> Iterator[Rule]:
    """Of clone beside another mode: [pricing] is then what a cast costs."""
    if price is None:
        message = "is required beside another mode: [pricing] is what a cast costs"
        yield ("execution", "clone", "pricing"), message
    else:
        yield from _clone_price(price, ("execution", "clone", "pricing"))


def _clone_price(price: Price, path: Path) -> Iterator[Rule]:
    if price.model not in _ONCE:
        yield (*path, "model"), "must be one_time or free with mode clone"
