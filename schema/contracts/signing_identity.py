"""Who may sign a maker's packages, as the maker set it."""

from datetime import datetime
from enum import StrEnum

from schema.contracts.base import Contract
from schema.contracts.supply_chain import IdentityRule
from schema.ids import SigningIdentityId, SpellKey


class Origin(StrEnum):
    """How a rule came about."""

    ALLOWED = "allowed"
    """The maker set it."""
    PINNED = "pinned"
    """The first signer of a spell, trusted on first use."""


class SigningIdentity(Contract):
    """One rule on who may sign."""

    id: SigningIdentityId
    rule: IdentityRule
    spell_key: SpellKey | None = None
    """The one spell that it is about; None for every spell of the account."""
    origin: Origin
    created_at: datetime
