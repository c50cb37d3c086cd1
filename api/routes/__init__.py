"""One module per resource; handlers authenticate, validate, make one call, return."""

from api.routes import (
    account,
    advisory_exceptions,
    aliases,
    artifacts,
    bills,
    cast_events,
    casts,
    codec,
    github,
    health,
    notification_channels,
    notifications,
    publications,
    receipts,
    revocations,
    schedules,
    signing_identities,
    spell_secrets,
    spells,
    supply_chain,
    suspensions,
    uploads,
    webhook_deliveries,
    webhook_endpoints,
)

ROUTERS = tuple(
    routes.router
    for routes in (
        health,
        casts,
        cast_events,
        artifacts,
        schedules,
        receipts,
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
        webhook_endpoints,
        webhook_deliveries,
        supply_chain,
        advisory_exceptions,
        github,
        codec,
    )
)
"""Every router, in the order of the OpenAPI document."""
