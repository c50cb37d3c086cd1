"""What casts left: listed and read by their caster, and by whoever is given a link."""

from typing import Any

from fastapi import APIRouter, Request, Response

from api.artifact_answers import IfRangeHeader, RangeHeader, artifact_answer
from api.bodies import body_schema, read_json
from api.deps import CasterDep, Identity, Services, ServicesDep
from api.documents import ArtifactDocument, ArtifactList
from api.routes.casts import own_cast
from schema.contracts.artifacts import ArtifactLink, ArtifactView, LinkOrder
from schema.errors import SpellError
from schema.ids import account_of_cast

router = APIRouter(prefix="/v1", tags=["artifacts"])

_LINK_ORDER_BYTES_MAX = 4096
_DOWNLOAD: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/octet-stream": {}}, "description": "The content"},
    206: {"content": {"application/octet-stream": {}}, "description": "A range of it"},
}


@router.get("/casts/{cast_id}/artifacts")
async def list_artifacts(cast_id: str, identity: CasterDep, services: ServicesDep) -> ArtifactList:
    """What a cast left, its result first, each with a link that is good for five minutes."""
    cast = await own_cast(services, identity, cast_id)
    views = await services.artifacts.of_cast(cast)
    return ArtifactList(items=[_linked(services, identity, view) for view in views])


@router.get("/casts/{cast_id}/artifacts/{name:path}", response_class=Response, responses=_DOWNLOAD)
async def get_artifact(
    cast_id: str,
    name: str,
    identity: CasterDep,
    services: ServicesDep,
    asked: RangeHeader = None,
    if_range: IfRangeHeader = None,
) -> Response:
    """One artifact's content, or a range of it, as a download."""
    cast = await own_cast(services, identity, cast_id)
    return await artifact_answer(await services.artifacts.open(cast, name), asked, if_range)


@router.post(
    "/casts/{cast_id}/artifacts:link", status_code=201, openapi_extra=body_schema(LinkOrder)
)
async def link_artifact(
    request: Request, cast_id: str, identity: CasterDep, services: ServicesDep
) -> ArtifactLink:
    """A link to an artifact, good without a key: for a while, and, if so asked, only once."""
    cast = await own_cast(services, identity, cast_id)
    order = await read_json(request, LinkOrder, limit_bytes=_LINK_ORDER_BYTES_MAX)
    await services.artifacts.open(cast, order.name)
    return services.links.make(cast_id, identity.caller.api_key_id, order)


@router.get("/artifacts/{token}", response_class=Response, responses=_DOWNLOAD)
async def get_linked_artifact(
    token: str,
    services: ServicesDep,
    asked: RangeHeader = None,
    if_range: IfRangeHeader = None,
) -> Response:
    """What a link leads to, or a range of it.

    The link is all that is asked for: give it to whom you mean.
    """
    claim = await services.links.read(token)
    cast = await services.casts.cast(account_of_cast(claim.cast_id), claim.cast_id)
    if cast is None:
        raise SpellError("ARTIFACT_NOT_FOUND")
    found = await services.artifacts.open(cast, claim.name)
    answer = await artifact_answer(found, asked, if_range)
    await services.links.use(claim)
    return answer


def _linked(services: Services, identity: Identity, view: ArtifactView) -> ArtifactDocument:
    if view.deleted_at is not None:
        return ArtifactDocument.of(view, None)
    order = LinkOrder(name=view.name)
    link = services.links.make(view.cast_id, identity.caller.api_key_id, order)
    return ArtifactDocument.of(view, link)
