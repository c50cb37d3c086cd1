"""Receipts: read them, get the keys that check them, have a cast replayed."""

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field

from api.bodies import body_schema, read_json
from api.deps import CasterDep, ServicesDep
from api.routes.casts import own_cast
from schema import limits
from schema.canonical import JsonRefusedError, canonical_json
from schema.contracts.base import Contract
from schema.contracts.receipt import ENVELOPE_MEDIA_TYPE, ReceiptKeys
from schema.contracts.replay import ReplayInput, ReplayReport
from schema.errors import SpellError
from schema.receipt_checks import input_check, replay_refusal

router = APIRouter(prefix="/v1", tags=["receipts"])

_WAIT_SECONDS = 60.0
_ENVELOPE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A DSSE envelope around an in-toto statement",
        "content": {ENVELOPE_MEDIA_TYPE: {"schema": {"type": "object"}}},
    }
}
_REPLAYS: dict[int | str, dict[str, Any]] = {
    202: {"description": "It still runs: send the same request again"}
}


class ReplayBody(Contract):
    """Body of `POST /v1/casts/{cast_id}/receipt:replay`."""

    inputs: Annotated[Any, Field(description="The JSON that the cast was given")]


@router.get("/receipts/keys")
async def get_receipt_keys(services: ServicesDep, response: Response) -> ReceiptKeys:
    """The public keys that receipts are checked by. Anybody may read them."""
    response.headers["Cache-Control"] = "public, max-age=3600"
    return services.receipts.keys()


@router.get("/casts/{cast_id}/receipt", responses=_ENVELOPE, response_class=Response)
async def get_receipt(cast_id: str, identity: CasterDep, services: ServicesDep) -> Response:
    """The signed receipt of a cast that has ended: what ran, on what, and what it cost."""
    await own_cast(services, identity, cast_id)
    envelope = await services.receipts.envelope(identity.caller.account_id, cast_id)
    if envelope is None:
        raise SpellError("RECEIPT_NOT_FOUND", details={"cast_id": cast_id})
    return Response(envelope, media_type=ENVELOPE_MEDIA_TYPE)


@router.post(
    "/casts/{cast_id}/receipt:replay",
    response_model=ReplayReport,
    responses=_REPLAYS,
    openapi_extra=body_schema(ReplayBody),
)
async def replay_cast(
    request: Request, cast_id: str, identity: CasterDep, services: ServicesDep
) -> Response:
    """Have the platform run a cast again and compare: once for each cast, at no charge."""
    await own_cast(services, identity, cast_id)
    body = await read_json(request, ReplayBody, limit_bytes=limits.INPUTS_BYTES_MAX)
    receipt = await services.receipts.receipt(identity.caller.account_id, cast_id)
    if receipt is None:
        raise SpellError("RECEIPT_NOT_FOUND", details={"cast_id": cast_id})
    refusal = replay_refusal(receipt)
    if refusal is not None:
        raise SpellError("NOT_REPLAYABLE", details={"reason": refusal})
    inputs = _canonical(body.inputs)
    if not input_check(receipt, inputs).passed:
        raise _other_inputs()
    order = ReplayInput(cast_id=cast_id, inputs_json=inputs.decode("utf-8"))
    report = await services.replaying.replay(order, seconds_max=_WAIT_SECONDS)
    if report is None:
        return Response(status_code=202, headers={"Retry-After": "1"})
    return JSONResponse(report.model_dump(mode="json"))


def _canonical(inputs: Any) -> bytes:
    try:
        return canonical_json(inputs)
    except JsonRefusedError as error:
        raise SpellError("VALIDATION_ERROR", f"The body {error}.") from error


def _other_inputs() -> SpellError:
    message = "are not those that the cast was given: their digest is another"
    errors = [{"path": "/inputs", "message": message}]
    return SpellError("VALIDATION_ERROR", f"The inputs {message}.", details={"errors": errors})
