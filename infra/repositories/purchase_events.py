"""What webhook endpoints are told of the end of a purchase, in the transaction that ends it."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.postgres import row_dict
from infra.repositories import webhook_messages
from schema.contracts.webhooks import NewMessage
from schema.ids import notification_id_for
from schema.webhook_events import PurchaseEvent

_ENDED = text(
    "SELECT account_id, status, jsonb_build_object("
    " 'purchase_id', id, 'spell', spell_key, 'version', offer ->> 'version', 'status', status,"
    " 'code', problem ->> 'code', 'repository_url', repository_url,"
    " 'pull_request_url', pull_request_url, 'license_url', offer ->> 'license_url',"
    " 'price', jsonb_build_object("
    "  'micros', offer -> 'price_micros', 'currency', offer ->> 'currency'),"
    " 'created_at', created_at, 'finished_at', finished_at) AS data"
    " FROM purchases WHERE id = :id"
)


async def tell_of_end(connection: AsyncConnection, purchase_id: str) -> None:
    """Keep what there is to tell, once: the message's id derives from the purchase's."""
    row = row_dict((await connection.execute(_ENDED, {"id": purchase_id})).one())
    message = NewMessage(
        id=notification_id_for(f"purchase-ended:{purchase_id}"),
        account_id=row["account_id"],
        event=PurchaseEvent(f"purchase.{row['status']}").value,
        data=row["data"],
    )
    await webhook_messages.tell(connection, message)
