"""One module per resource; handlers authenticate, validate, make one call, return."""

from api.routes import (
    account,
    cast_events,
    casts,
    codec,
    health,
    receipts,
    revocations,
    signing_identities,
    spell_secrets,
    spells,
    suspensions,
)

ROUTERS = tuple(
    routes.router
    for routes in (
        health,
        casts,
        cast_events,
        receipts,
        spells,
        spell_secrets,
        suspensions,
        revocations,
        signing_identities,
        account,
        codec,
    )
)
"""Every router, in the order of the OpenAPI document."""
