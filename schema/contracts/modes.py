"""Which modes an account may use, as people see it."""

from typing import Annotated

from pydantic import AfterValidator, Field

from schema.contracts.base import Contract
from schema.contracts.plans import Mode


class ModeRights(Contract):
    """One mode: what this account may do with it now, and what is in the way."""

    mode: Mode
    publish: bool
    """Whether versions that offer it can be published here."""
    use: bool
    """Whether this account's casts may take it; of clone, whether it may buy copies."""
    code: str | None = None
    """What it is refused with: MODE_FORBIDDEN or MODE_UNAVAILABLE."""


class AccountModes(Contract):
    """All modes, and the account's own restriction."""

    modes: list[ModeRights]
    restricted_to: list[Mode] | None = None
    """What the account lets its own casts take; null: whatever the installation allows."""


def _each_once(modes: list[Mode]) -> list[Mode]:
    if len(set(modes)) < len(modes):
        raise ValueError("names a mode twice")
    return modes


class ModesBody(Contract):
    """Body of `PUT /v1/account/modes`."""

    modes: Annotated[
        list[Mode], Field(min_length=1, max_length=len(Mode)), AfterValidator(_each_once)
    ]
    """What the account's casts may take from now on."""
