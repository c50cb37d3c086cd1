"""What a version may do, or costs, beyond another: pure.

An alias must not lead a caster to more than they agreed to. Whatever grows here, in capability,
limit or price, needs their consent; what shrinks or stays does not.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from schema.contracts.base import Contract
from schema.contracts.plans import ActionsLimits, ActionsTarget
from schema.contracts.run import RunLimits, RunPolicy
from schema.pricing import FlatPrice, FreePrice, MeteredPrice, OneTimePrice, Price

_WILDCARD = "*."


class Terms(Contract):
    """What a caster agrees to with a version."""

    limits: RunLimits | None = None
    """None, with the policy, when it does not run in the fleet."""
    policy: RunPolicy | None = None
    actions: ActionsTarget | None = None
    """Where inputs go when it runs on GitHub Actions; None when it does not."""
    price: Price


class Widening(Contract):
    """One thing that a version has more of."""

    member: str
    """As `policy.net_allow`, `limits.net_bytes_max`, `actions.repo`, `price.base_micros`."""
    before: Any
    after: Any
    """Of a list, only what is new."""


def widenings(agreed: Terms, offered: Terms) -> list[Widening]:
    """Everything that the offered terms have more of than the agreed ones."""
    return [
        *_of_service(agreed, offered),
        *_of_actions(agreed.actions, offered.actions),
        *_of_price(agreed.price, offered.price),
    ]


def least_widenings(agreed: Sequence[Terms], offered: Terms) -> list[Widening]:
    """The fewest widenings over terms that were each agreed to; none when nothing was yet."""
    return min((widenings(terms, offered) for terms in agreed), key=len, default=[])


def _of_service(agreed: Terms, offered: Terms) -> Iterator[Widening]:
    if offered.limits is None or offered.policy is None:
        return
    if agreed.limits is None or agreed.policy is None:
        yield Widening(member="modes", before=["workflow"], after=["service"])
        return
    yield from _of_policy(agreed.policy, offered.policy)
    yield from _of_limits(agreed.limits, offered.limits)


def _of_actions(agreed: ActionsTarget | None, offered: ActionsTarget | None) -> Iterator[Widening]:
    """Another repository, file or ref is other code, which gets the caster's inputs."""
    if offered is None:
        return
    if agreed is None:
        yield Widening(member="modes", before=["service"], after=["workflow"])
        return
    for member in ("repo", "repository_id", "workflow", "ref"):
        before, after = getattr(agreed, member), getattr(offered, member)
        if after != before and before is not None:
            yield Widening(member=f"actions.{member}", before=before, after=after)
    for member in ActionsLimits.model_fields:
        before, after = getattr(agreed.limits, member), getattr(offered.limits, member)
        if after > before:
            yield Widening(member=f"actions.limits.{member}", before=before, after=after)


def _of_policy(agreed: RunPolicy, offered: RunPolicy) -> Iterator[Widening]:
    for member, covers in (
        ("net_allow", _covers_host),
        ("env_vars", str.__eq__),
        ("fs_read", _covers_path),
    ):
        before, after = getattr(agreed, member), getattr(offered, member)
        added = [each for each in after if not any(covers(known, each) for known in before)]
        if added:
            yield Widening(member=f"policy.{member}", before=before, after=added)
    for member, opened in (("scratch", True), ("retry_safe", True), ("deterministic", False)):
        before, after = getattr(agreed, member), getattr(offered, member)
        if after is opened and before is not opened:
            yield Widening(member=f"policy.{member}", before=before, after=after)


def _of_limits(agreed: RunLimits, offered: RunLimits) -> Iterator[Widening]:
    for member in RunLimits.model_fields:
        before, after = getattr(agreed, member), getattr(offered, member)
        if after > before:
            yield Widening(member=f"limits.{member}", before=before, after=after)


def _of_price(agreed: Price, offered: Price) -> Iterator[Widening]:
    before, after = _parts(agreed), _parts(offered)
    costs = any(after.values())
    if costs and any(before.values()) and agreed.currency != offered.currency:
        yield Widening(member="price.currency", before=agreed.currency, after=offered.currency)
    for member, amount in after.items():
        if amount > before[member]:
            yield Widening(member=f"price.{member}", before=before[member], after=amount)


def _parts(price: Price) -> dict[str, int]:
    """What is paid at any rate, and for each unit: a price is higher when one of them is."""
    units = dict.fromkeys(("fuel_million", "compute_ms", "memory_mb_s", "egress_mb"), 0)
    match price:
        case FreePrice():
            return {"base_micros": 0, **units}
        case FlatPrice() | OneTimePrice():
            return {"base_micros": price.price_micros, **units}
        case MeteredPrice():
            return {"base_micros": price.base_micros, **price.unit_micros.model_dump()}


def _covers_host(known: str, host: str) -> bool:
    if known == host:
        return True
    return known.startswith(_WILDCARD) and host.removeprefix(_WILDCARD).endswith(known[1:])


def _covers_path(known: str, path: str) -> bool:
    return path == known or path.startswith(f"{known}/")
