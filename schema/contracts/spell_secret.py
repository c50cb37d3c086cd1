"""Makers' secrets as they are shown: never the value."""

from datetime import datetime

from schema.contracts.base import Contract


class SecretSummary(Contract):
    """A secret of a spell as its maker sees it: a name and two times."""

    name: str
    created_at: datetime
    updated_at: datetime
    """When its value was last set."""
