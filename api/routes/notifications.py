"""What an account was told, and how far that has come. See docs/aftercare.md."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.cursors import notification_cursor, read_notification_cursor
from api.deps import NotificationIdDep, OwnerDep, ServicesDep
from api.documents import NotificationPage
from schema import limits

router = APIRouter(prefix="/v1/account/notifications", tags=["account"])


@router.get("")
async def list_notifications(
    identity: OwnerDep,
    services: ServicesDep,
    cursor: Annotated[str | None, Query(max_length=512)] = None,
    limit: Annotated[int, Query(ge=1, le=limits.LIST_LIMIT_MAX)] = 20,
) -> NotificationPage:
    """What the account was told, newest first, with each delivery's state and last error."""
    found = await services.notifications.notifications(
        identity.caller.account_id, before=read_notification_cursor(cursor), limit=limit + 1
    )
    page = found[:limit]
    more = notification_cursor(page[-1]) if len(found) > limit else None
    return NotificationPage(items=page, next_cursor=more)


@router.post("/{notification_id}:resend", status_code=202)
async def resend_notification(
    identity: OwnerDep, notification_id: NotificationIdDep, services: ServicesDep
) -> None:
    """Try again what nobody took, through the channels that there are now."""
    await services.notifications.resend(identity.caller.account_id, notification_id)
