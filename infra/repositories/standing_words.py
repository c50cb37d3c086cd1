"""What makers are told of the standing of their spells: suspensions, and revocations."""

from collections.abc import Sequence

from schema.contracts.notifications import NewNotification, NotificationKind
from schema.contracts.revocation import Revocation

_SPELLS_NAMED_MAX = 20


def suspended(account_id: str, key: str, reference: str, reason: str) -> NewNotification:
    """Tell the maker that a spell takes no new casts, and why."""
    return NewNotification(
        reference=reference,
        account_id=account_id,
        kind=NotificationKind.SPELL_SUSPENDED,
        spell_key=key,
        details={"reason": reason},
    )


def unsuspended(account_id: str, key: str, reference: str) -> NewNotification:
    """Tell the maker that a spell takes casts again."""
    return NewNotification(
        reference=reference,
        account_id=account_id,
        kind=NotificationKind.SPELL_UNSUSPENDED,
        spell_key=key,
    )


def revoked(
    account_id: str, keys: Sequence[str], revocation_id: int, revocation: Revocation
) -> NewNotification:
    """Tell the maker that spells rest on what is not trusted any more, or is again.

    One for each maker, however many spells: what is revoked may be a signing identity of all.
    """
    lifted = revocation.lift
    return NewNotification(
        reference=f"revocation:{revocation_id}{'/lifted' if lifted else ''}:{account_id}",
        account_id=account_id,
        kind=NotificationKind.REVOCATION_LIFTED if lifted else NotificationKind.SPELL_REVOKED,
        spell_key=keys[0],
        details={
            "revoked": revocation.trusted.model_dump(mode="json"),
            "reason": revocation.reason,
            "spells": list(keys[:_SPELLS_NAMED_MAX]),
            "spells_total": len(keys),
        },
    )
