"""What is wrong in an SPDX 2 document, by the reference parser and validator.

The validator looks up both ends of each relationship in a list of all elements that it makes anew
each time. So relationships that matter to nothing else are checked in pieces, each beside only the
elements that it names: 8,000 packages take seconds then, and otherwise a minute.
"""

from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Any

from spdx_tools.spdx.model.document import Document
from spdx_tools.spdx.model.file import File
from spdx_tools.spdx.model.package import Package
from spdx_tools.spdx.model.relationship import Relationship, RelationshipType
from spdx_tools.spdx.model.snippet import Snippet
from spdx_tools.spdx.parser.error import SPDXParsingError
from spdx_tools.spdx.parser.jsonlikedict.json_like_dict_parser import JsonLikeDictParser
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document
from spdx_tools.spdx.validation.relationship_validator import validate_relationships
from spdx_tools.spdx.validation.validation_message import ValidationMessage

Fault = tuple[str | None, str]
"""The element, if that can be said, and what is wrong."""

Element = Package | File | Snippet

_PIECE_RELATIONSHIPS_MAX = 100


def spdx_faults(document: dict[str, Any], at_most: int) -> list[Fault]:
    """The first faults of the document; none when it is valid."""
    try:
        parsed: Document = JsonLikeDictParser().parse(document)  # type: ignore[no-untyped-call]
    except SPDXParsingError as error:
        messages: list[str] = error.get_messages()  # type: ignore[no-untyped-call]
        return [(None, message) for message in messages[:at_most]]
    relationships = parsed.relationships
    bare = {item.spdx_id for item in parsed.packages if not item.files_analyzed}
    parsed.relationships = [item for item in relationships if _matters_to_all(item, bare)]
    others = [item for item in relationships if not _matters_to_all(item, bare)]
    faults = chain(validate_full_spdx_document(parsed), _relationship_faults(parsed, others))
    return [
        (fault.context.spdx_id or fault.context.parent_id, fault.validation_message)
        for fault in islice(faults, at_most)
    ]


def _matters_to_all(relationship: Relationship, bare: set[str]) -> bool:
    """Whether the rules on the document, or on packages that must hold no files, look at it."""
    match relationship.relationship_type:
        case RelationshipType.DESCRIBES | RelationshipType.DESCRIBED_BY:
            return True
        case RelationshipType.CONTAINS:
            return relationship.spdx_element_id in bare
        case RelationshipType.CONTAINED_BY:
            return str(relationship.related_spdx_element_id) in bare
        case _:
            return False


def _relationship_faults(
    document: Document, relationships: list[Relationship]
) -> Iterator[ValidationMessage]:
    elements: list[Element] = [*document.packages, *document.files, *document.snippets]
    by_id = {item.spdx_id: item for item in elements}
    version = document.creation_info.spdx_version
    for start in range(0, len(relationships), _PIECE_RELATIONSHIPS_MAX):
        piece = relationships[start : start + _PIECE_RELATIONSHIPS_MAX]
        named = (by_id.get(ref) for ref in sorted(_ends(piece)))
        yield from validate_relationships(piece, version, _beside(document, named))


def _ends(relationships: list[Relationship]) -> set[str]:
    """Both ends of each, without NONE and NOASSERTION, which are objects of their own."""
    firsts = {item.spdx_element_id for item in relationships}
    seconds = [item.related_spdx_element_id for item in relationships]
    return firsts | {ref for ref in seconds if isinstance(ref, str)}


def _beside(document: Document, elements: Iterable[Element | None]) -> Document:
    """A document of the same head with only these elements."""
    found = [element for element in elements if element is not None]
    return Document(
        creation_info=document.creation_info,
        packages=[item for item in found if isinstance(item, Package)],
        files=[item for item in found if isinstance(item, File)],
        snippets=[item for item in found if isinstance(item, Snippet)],
    )
