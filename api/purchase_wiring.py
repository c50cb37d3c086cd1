"""What of the API has to do with purchases: starting and reading them, and Stripe's deliveries."""

from api.stripe_inbox import StripeInbox
from infra.platform import Platform
from infra.repositories.purchases import PostgresPurchases
from infra.repositories.stripe_events import PostgresStripeEvents
from infra.stripe.deliveries import StripeSignatures
from infra.temporal_purchases import TemporalPurchases


def purchasing_of(platform: Platform) -> TemporalPurchases:
    """What starts purchases and tells them of payments."""
    return TemporalPurchases(platform.temporal)


def purchases_of(platform: Platform) -> PostgresPurchases:
    """What purchases are read from."""
    return PostgresPurchases(
        platform.database, fee_basis_points=platform.settings.platform_fee_basis_points
    )


def stripe_inbox_of(platform: Platform) -> StripeInbox:
    """What takes Stripe's deliveries on this installation."""
    return StripeInbox(
        StripeSignatures(platform.settings.stripe_webhook_secrets),
        PostgresStripeEvents(platform.database),
        purchasing_of(platform),
    )
