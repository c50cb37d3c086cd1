"""What of the API has to do with budgets: caps, what is read of money, the billing calendar."""

from api.billing_ports import Billing
from infra.postgres import Database
from infra.repositories.billing_reads import PostgresBillingReads
from infra.repositories.billing_time_zones import PostgresBillingTimeZones
from infra.repositories.caps import PostgresCaps


def billing_of(database: Database) -> Billing:
    """What the billing routes call, over one database."""
    return Billing(
        caps=PostgresCaps(database),
        reads=PostgresBillingReads(database),
        time_zones=PostgresBillingTimeZones(database),
    )
