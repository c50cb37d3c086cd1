"""Bills of materials of published versions, for whoever may see the spell."""

from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.deps import CasterDep, ServicesDep, SpellKeyDep, VersionDep
from schema.contracts.bill import BillFamily
from schema.errors import SpellError

router = APIRouter(prefix="/v1", tags=["spells"])

_MEDIA_TYPES = {
    BillFamily.SPDX: "application/spdx+json",
    BillFamily.CYCLONEDX: "application/vnd.cyclonedx+json",
}
_SUFFIXES = {BillFamily.SPDX: "spdx.json", BillFamily.CYCLONEDX: "cdx.json"}


class SbomFormat(StrEnum):
    """The document as it was published, or the one of a family."""

    ORIGINAL = "original"
    SPDX = "spdx"
    CYCLONEDX = "cyclonedx"

    @property
    def family(self) -> BillFamily | None:
        """The family that is asked for; None for whichever was published."""
        return None if self is SbomFormat.ORIGINAL else BillFamily(self.value)


_CONTENT = {media_type: {"schema": {"type": "object"}} for media_type in _MEDIA_TYPES.values()}


@router.get(
    "/spells/{key}/versions/{version}/sbom",
    response_class=Response,
    responses={200: {"content": _CONTENT, "description": "SPDX 2.3 or CycloneDX JSON"}},
)
async def get_sbom(
    identity: CasterDep,
    key: SpellKeyDep,
    version: VersionDep,
    services: ServicesDep,
    form: Annotated[SbomFormat, Query(alias="format")] = SbomFormat.ORIGINAL,
) -> Response:
    """The bill of materials of a version, byte for byte as published, or converted."""
    found = await services.bills.bill(identity.caller.account_id, key, version, form.family)
    if found is None:
        raise SpellError("SPELL_NOT_FOUND", details={"spell": key, "version": version})
    name = f"{key}-{version}.{_SUFFIXES[found.family]}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(found.content, media_type=_MEDIA_TYPES[found.family], headers=headers)
