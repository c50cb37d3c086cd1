"""One module per resource; handlers authenticate, validate, make one call, return."""

from api.routes import (
    account,
    advisory_exceptions,
    aliases,
    bills,
    cast_events,
    casts,
    codec,
    github,
    health,
    notification_channels,
    notifications,
    publications,
    purchases,
    receipts,
    revocations,
    signing_identities,
    spell_secrets,
    spells,
    stripe,
    supply_chain,
    suspensions,
    uploads,
)

ROUTERS = tuple(
    routes.router
    for routes in (
        health,
        casts,
        cast_events,
        receipts,
        purchases,
        stripe,
        spells,
        publications,
        uploads,
        aliases,
        bills,
        spell_secrets,
        suspensions,
        revocations,
        signing_identities,
        account,
        notification_channels,
        notifications,
        supply_chain,
        advisory_exceptions,
        github,
        codec,
    )
)
"""Every router, in the order of the OpenAPI document."""
