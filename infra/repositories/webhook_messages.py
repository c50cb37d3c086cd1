"""Messages for webhook endpoints, written in the transaction that they tell of.

Nothing is written for an account that has no endpoint for it. A message's id is derived from what
it tells of, which keeps it single.
"""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.postgres import as_jsonb
from schema.contracts.webhooks import NewMessage
from schema.webhook_events import filters_for

_TARGETS = (
    "SELECT id AS target FROM webhook_endpoints WHERE account_id = :account_id AND enabled"
    " AND events && CAST(:filters AS text[])"
)
_TELL = text(
    f"WITH targets AS ({_TARGETS}),"  # noqa: S608  (a constant)
    " made AS (INSERT INTO webhook_messages (id, account_id, event, data)"
    "  SELECT :id, :account_id, :event, CAST(:data AS jsonb) WHERE EXISTS (SELECT FROM targets)"
    "  ON CONFLICT (id) DO NOTHING RETURNING id)"
    " INSERT INTO webhook_deliveries (message_id, target)"
    " SELECT made.id, targets.target FROM made CROSS JOIN targets"
)

TELL_OF_ENDED = (
    f"targets AS ({_TARGETS}"  # noqa: S608  (a constant)
    "  UNION ALL SELECT 'callback' FROM cast_callbacks WHERE cast_id = :cast_id),"
    " made AS (INSERT INTO webhook_messages (id, account_id, event, cast_id, data)"
    "  SELECT :message_id, account_id, :event, id, jsonb_build_object("
    "   'cast_id', id, 'spell', spell_key, 'version', version, 'mode', mode, 'status', status,"
    "   'billing', billing, 'code', problem ->> 'code',"
    "   'cost', jsonb_build_object('micros', cost_micros, 'currency', currency),"
    "   'created_at', created_at, 'started_at', started_at, 'finished_at', finished_at)"
    "  FROM ended WHERE EXISTS (SELECT FROM targets) RETURNING id),"
    " deliveries AS (INSERT INTO webhook_deliveries (message_id, target)"
    "  SELECT made.id, targets.target FROM made CROSS JOIN targets)"
)
"""Parts of the statement that ends a cast, whose row it has as `ended`: no round trip of its own.

Wants the parameters `account_id`, `cast_id`, `event`, `filters` and `message_id`; `made` has a row
when there is somebody to be told.
"""


async def tell(connection: AsyncConnection, message: NewMessage) -> None:
    """Keep a message for every endpoint of the account that wants it; once."""
    row = {
        **message.model_dump(exclude={"data"}),
        "data": as_jsonb(message.data),
        "filters": filters_for(message.event),
    }
    await connection.execute(_TELL, row)
