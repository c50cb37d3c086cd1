"""Advisory exceptions, for operators: make, list, remove. See docs/advisories.md."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from api.bodies import body_schema, read_json
from api.cursors import exception_cursor, read_exception_cursor
from api.deps import ExceptionIdDep, OperatorDep, ServicesDep
from api.documents import ExceptionPage
from schema import limits
from schema.contracts.advisories import RecordedException
from schema.contracts.supply_chain import AdvisoryException, ExceptionStatement

router = APIRouter(prefix="/v1/advisory-exceptions", tags=["advisories"])


@router.post("", status_code=201, openapi_extra=body_schema(ExceptionStatement))
async def make_exception(
    request: Request, identity: OperatorDep, services: ServicesDep
) -> RecordedException:
    """Say that a vulnerability does not affect, why, and until when (a year at most)."""
    body = await read_json(request, ExceptionStatement)
    exception = AdvisoryException(**body.model_dump(), added_by=identity.caller.account_id)
    return await services.advisory_exceptions.add(exception)


@router.get("")
async def list_exceptions(
    identity: OperatorDep,
    services: ServicesDep,
    ended: bool = False,
    cursor: Annotated[str | None, Query(max_length=512)] = None,
    limit: Annotated[int, Query(ge=1, le=limits.LIST_LIMIT_MAX)] = 20,
) -> ExceptionPage:
    """The exceptions in force; with `ended=true` also those that were removed or have expired."""
    del identity
    found = await services.advisory_exceptions.exceptions(
        ended=ended, after=read_exception_cursor(cursor), limit=limit + 1
    )
    page = found[:limit]
    more = exception_cursor(page[-1].id) if len(found) > limit else None
    return ExceptionPage(items=page, next_cursor=more)


@router.delete("/{exception_id}")
async def remove_exception(
    identity: OperatorDep, exception_id: ExceptionIdDep, services: ServicesDep
) -> RecordedException:
    """End an exception now. It stays in the record, with who removed it."""
    return await services.advisory_exceptions.remove(exception_id, identity.caller.account_id)
