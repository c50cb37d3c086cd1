"""OSV records (ossf.github.io/osv-schema): what is read of them, and what is kept.

Members that the platform has no use for are ignored; those it has must have their form, or the
record is refused whole. Only aliases are taken as they are meant (`GHSA-jf66-3q76-h5p5,` is in
PyPA's data): an advisory is worth more than its worst alias.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, Field
from pydantic import ValidationError as _PydanticError

from infra.supply_chain.advisories.packages import normalised_name, split_ecosystem
from infra.supply_chain.advisories.scores import highest
from infra.supply_chain.advisories.stored import AffectedPackage, StoredAdvisory, VersionRange
from infra.supply_chain.advisories.versions import canonical_version

RECORD_BYTES_MAX = 8 * 1024 * 1024
_SUMMARY_CHARACTERS_MAX = 500
_EVENT_KINDS = ("introduced", "fixed", "last_affected", "limit")


class BadRecordError(ValueError):
    """This is no OSV record; the message says why, in one line."""


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("holds U+0000")
    return text


def _list(value: Any) -> Any:
    """Some exporters write null for an empty list."""
    return [] if value is None else value


def _ids(value: Any) -> Any:
    """The ids among a list of aliases; what is none, with or without a stray comma, is left out."""
    if not isinstance(value, list):
        return _list(value)
    texts = [text.strip(" ,;") for text in value if isinstance(text, str)]
    return [text for text in texts if RECORD_ID.fullmatch(text)]


RECORD_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{1,127}")
Text = Annotated[str, Field(max_length=512), AfterValidator(_without_nul)]
Id = Annotated[str, Field(pattern=f"^{RECORD_ID.pattern}$")]


class _Severity(BaseModel):
    type: Text
    score: Text


class _Range(BaseModel):
    type: Text
    events: Annotated[list[dict[str, Text]], Field(max_length=10_000)]

    def kept_events(self) -> list[tuple[str, str]]:
        return [
            (kind, event[kind]) for event in self.events for kind in _EVENT_KINDS if kind in event
        ]


class _Named(BaseModel):
    ecosystem: Annotated[Text, Field(min_length=1)]
    name: Annotated[Text, Field(min_length=1)]


class _Affected(BaseModel):
    package: _Named | None = None
    ranges: Annotated[list[_Range], BeforeValidator(_list), Field(max_length=10_000)] = []
    versions: Annotated[list[Text], BeforeValidator(_list), Field(max_length=100_000)] = []
    severity: Annotated[list[_Severity], BeforeValidator(_list), Field(max_length=100)] = []


class _Record(BaseModel):
    id: Id
    modified: AwareDatetime
    withdrawn: AwareDatetime | None = None
    aliases: Annotated[list[Id], BeforeValidator(_ids), Field(max_length=1_000)] = []
    summary: Annotated[str, AfterValidator(_without_nul)] | None = None
    severity: Annotated[list[_Severity], BeforeValidator(_list), Field(max_length=100)] = []
    affected: Annotated[list[_Affected], BeforeValidator(_list), Field(max_length=20_000)] = []


def read_record(content: bytes, *, source: str) -> StoredAdvisory:
    """A record as the platform keeps it.

    Raises:
        BadRecordError: it is too large, no JSON, or not of OSV's form.
    """
    if len(content) > RECORD_BYTES_MAX:
        raise BadRecordError(f"larger than {RECORD_BYTES_MAX:,} bytes")
    try:
        return _stored(_Record.model_validate_json(content), source)
    except _PydanticError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BadRecordError(f"{where}: {first['msg']}"[:300].removeprefix(": ")) from error
    # A date before the year 1, say, that has a form but no place in time.
    except (OverflowError, ValueError, RecursionError) as error:
        raise BadRecordError(f"{type(error).__name__}") from error


def _stored(record: _Record, source: str) -> StoredAdvisory:
    vectors = [(one.type, one.score) for one in _severities(record)]
    score, vector = highest(vectors)
    packages = tuple(
        _package(affected, affected.package)
        for affected in record.affected
        if affected.package is not None
    )
    one = StoredAdvisory(
        id=record.id,
        source="",
        modified_at=record.modified.astimezone(UTC),
        withdrawn_at=_utc(record.withdrawn),
        aliases=tuple(sorted(set(record.aliases) - {record.id})),
        summary=(record.summary or "").strip()[:_SUMMARY_CHARACTERS_MAX],
        vectors=tuple(text for _, text in vectors),
        score=score,
        vector=vector,
        malicious=record.id.startswith("MAL-"),
        # An entry with neither ranges nor versions affects nothing, by OSV's evaluation.
        packages=tuple(one for one in packages if one.ranges or one.versions),
        git_ranges=sum(each.type == "GIT" for one in record.affected for each in one.ranges),
        digest=b"",
    )
    # Of what is kept, not of the file: another source may write the same record differently.
    return replace(one, source=source, digest=hashlib.sha256(repr(one).encode()).digest())


def _severities(record: _Record) -> Iterator[_Severity]:
    yield from record.severity
    for affected in record.affected:
        yield from affected.severity


def _package(affected: _Affected, named: _Named) -> AffectedPackage:
    ecosystem, release = split_ecosystem(named.ecosystem)
    return AffectedPackage(
        ecosystem=ecosystem,
        release=release,
        name=normalised_name(ecosystem, named.name),
        ranges=tuple(
            VersionRange(one.type, tuple(one.kept_events()))
            for one in affected.ranges
            if one.type != "GIT"
        ),
        versions=tuple(
            dict.fromkeys(canonical_version(ecosystem, text) for text in affected.versions)
        ),
    )


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.astimezone(UTC)
