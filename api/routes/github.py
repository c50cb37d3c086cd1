"""GitHub's ways in: what its Actions runs fetch, and what it delivers."""

from fastapi import APIRouter, Request, Response

from api.bodies import read_body
from api.deps import ServicesDep
from api.github_inbox import BODY_BYTES_MAX

router = APIRouter(tags=["github"])


@router.get(
    "/v1/run-inputs/{token}",
    response_class=Response,
    responses={200: {"content": {"application/json": {}}, "description": "The inputs"}},
)
async def take_run_inputs(token: str, services: ServicesDep) -> Response:
    """The inputs of a cast, for its Actions run: the address is the key, works once, and expires.

    404: there is no such address. 410: it was used, or its time is up.
    """
    inputs = await services.run_inputs.take(token)
    headers = {"Cache-Control": "no-store"}
    return Response(inputs, media_type="application/json", headers=headers)


@router.post("/v1/webhooks/github", status_code=202, response_class=Response)
async def take_github_delivery(request: Request, services: ServicesDep) -> Response:
    """Take a delivery of the GitHub App's webhook, signed by `X-Hub-Signature-256`.

    202 also for what is known already, and for what is about nothing of ours.
    """
    body = await read_body(request, limit_bytes=BODY_BYTES_MAX, media_type="application/json")
    await services.github_inbox.take(request.headers, body)
    return Response(status_code=202)
