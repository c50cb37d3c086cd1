"""What an account may spend, what it spent, and who changed that. See docs/budgets.md."""

from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request

from api.billing_documents import AlertPage, ChangePage, TimeZoneBody, UsagePage
from api.bodies import body_schema, read_json
from api.cursors import number_cursor, read_number_cursor, read_usage_cursor, usage_cursor
from api.deps import OwnerDep, ServicesDep
from schema import limits
from schema.billing_calendar import BillingClock
from schema.contracts.budgets import (
    BudgetUsage,
    Cap,
    CapKind,
    CapName,
    TimeZoneView,
    UsageGroup,
    UsageQuery,
)
from schema.errors import SpellError
from schema.ids import ApiKeyId
from schema.money import Currency

router = APIRouter(prefix="/v1/billing", tags=["billing"])

CursorQuery = Annotated[str | None, Query(max_length=512)]
LimitQuery = Annotated[int, Query(ge=1, le=limits.LIST_LIMIT_MAX)]
CurrencyQuery = Annotated[Currency, Query()]


@router.get("/caps")
async def get_caps(
    identity: OwnerDep, services: ServicesDep, currency: CurrencyQuery = "USD"
) -> list[BudgetUsage]:
    """What is held, spent and left under each budget of this key's casts; caps of other keys."""
    return await services.billing.caps.usage(identity.caller, currency)


@router.post("/caps", openapi_extra=body_schema(Cap))
async def set_cap(request: Request, identity: OwnerDep, services: ServicesDep) -> list[BudgetUsage]:
    """Set a hard cap: of the account or of a key, per day, per month or in total."""
    cap = await read_json(request, Cap)
    _check_name(cap)
    await services.billing.caps.set(identity.caller, cap)
    return await services.billing.caps.usage(identity.caller, cap.currency)


@router.delete("/caps")
async def remove_cap(
    identity: OwnerDep,
    services: ServicesDep,
    kind: CapKind,
    api_key_id: ApiKeyId | None = None,
    currency: CurrencyQuery = "USD",
) -> list[BudgetUsage]:
    """Remove a cap; what is used goes on being counted."""
    name = CapName(kind=kind, api_key_id=api_key_id, currency=currency)
    _check_name(name)
    await services.billing.caps.remove(identity.caller, name)
    return await services.billing.caps.usage(identity.caller, currency)


@router.get("/usage")
async def get_usage(
    identity: OwnerDep,
    services: ServicesDep,
    by: UsageGroup = UsageGroup.DAY,
    from_day: Annotated[date | None, Query(description="this month's first, if not given")] = None,
    to_day: Annotated[date | None, Query(description="today, if not given")] = None,
    currency: Currency | None = None,
    cursor: CursorQuery = None,
    limit: LimitQuery = 20,
) -> UsagePage:
    """What was held and spent in a range of days, added up by day, month, spell or key."""
    account_id = identity.caller.account_id
    clock = await services.billing.time_zones.get(account_id)
    query = UsageQuery(
        by=by, from_day=from_day or clock.month, to_day=to_day or clock.day, currency=currency
    )
    if not timedelta() <= query.to_day - query.from_day < limits.USAGE_RANGE_MAX:
        days = limits.USAGE_RANGE_MAX.days
        raise SpellError("VALIDATION_ERROR", f"`from_day` to `to_day` is 1 to {days} days.")
    found = await services.billing.reads.usage(
        account_id, query, after=read_usage_cursor(cursor), limit=limit + 1
    )
    page = found[:limit]
    more = usage_cursor(page[-1]) if len(found) > limit else None
    return UsagePage(**query.model_dump(), time_zone=clock.time_zone, items=page, next_cursor=more)


@router.get("/alerts")
async def get_alerts(
    identity: OwnerDep, services: ServicesDep, cursor: CursorQuery = None, limit: LimitQuery = 20
) -> AlertPage:
    """Thresholds of caps that were crossed, newest first."""
    found = await services.billing.reads.alerts(
        identity.caller.account_id, before=read_number_cursor(cursor), limit=limit + 1
    )
    page = found[:limit]
    more = number_cursor(page[-1].id) if len(found) > limit else None
    return AlertPage(items=page, next_cursor=more)


@router.get("/history")
async def get_history(
    identity: OwnerDep, services: ServicesDep, cursor: CursorQuery = None, limit: LimitQuery = 20
) -> ChangePage:
    """Who changed which cap, or the billing time zone, from what to what; newest first."""
    found = await services.billing.reads.changes(
        identity.caller.account_id, before=read_number_cursor(cursor), limit=limit + 1
    )
    page = found[:limit]
    more = number_cursor(page[-1].id) if len(found) > limit else None
    return ChangePage(items=page, next_cursor=more)


@router.get("/time-zone")
async def get_time_zone(identity: OwnerDep, services: ServicesDep) -> TimeZoneView:
    """The zone that days and months of the account's budgets are counted in."""
    return _view(await services.billing.time_zones.get(identity.caller.account_id))


@router.put("/time-zone", openapi_extra=body_schema(TimeZoneBody))
async def set_time_zone(
    request: Request, identity: OwnerDep, services: ServicesDep
) -> TimeZoneView:
    """Count in another zone, from the next day on: no day is there twice."""
    body = await read_json(request, TimeZoneBody)
    return _view(await services.billing.time_zones.set(identity.caller, body.time_zone))


def _check_name(name: CapName) -> None:
    if name.kind.of_api_key != (name.api_key_id is not None):
        message = "`api_key_id` goes with the kinds `api_key…`, and only with them."
        raise SpellError("VALIDATION_ERROR", message)


def _view(clock: BillingClock) -> TimeZoneView:
    return TimeZoneView(
        time_zone=clock.time_zone,
        today=clock.day,
        day_ends_at=clock.day_ends_at,
        month_ends_at=clock.month_ends_at,
        next_time_zone=clock.next_time_zone,
        next_from_day=clock.next_from_day,
    )
