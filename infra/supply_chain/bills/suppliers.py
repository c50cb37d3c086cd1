"""Who supplies a component: `Acme (sales@acme.example)`, `Person: Jane`, in both formats' ways."""

import re
from typing import Any

_PERSON = "Person: "
_ORGANISATION = re.compile(r"Organization:\s*(.*)", re.DOTALL)
_PARTS = re.compile(r"(Person: )?(.*?)(?: \(([^()\s@]+@[^()\s@]+)\))?", re.DOTALL)
# What SPDX's reference parser finds a name in.
_SPDX_WRITABLE = re.compile(r"(?:Person|Organization): [^\s(][^\n]*")


def supplier_of_entity(entity: dict[str, Any]) -> str | None:
    """The text for CycloneDX's organisational entity; a contact of the same name is the person."""
    name = entity.get("name") or ""
    contact: dict[str, Any] = next(iter(entity.get("contact") or []), {})
    is_person = bool(name) and contact.get("name") == name
    email = f" ({contact['email']})" if contact.get("email") else ""
    return f"{_PERSON if is_person else ''}{name}{email}".strip() or None


def entity_of_supplier(supplier: str) -> dict[str, Any]:
    """CycloneDX's organisational entity for a text."""
    parts = _PARTS.fullmatch(supplier)
    assert parts is not None
    person, name, email = parts.groups()
    contact = ({"name": name} if person else {}) | ({"email": email} if email else {})
    return {"name": name} | ({"contact": [contact]} if contact else {})


def supplier_of_agent(agent: str | None) -> str | None:
    """The text for SPDX's `Organization: …` or `Person: …`."""
    if agent is None or agent == "NOASSERTION":
        return None
    organisation = _ORGANISATION.fullmatch(agent)
    return organisation[1] if organisation else agent


def agent_of_supplier(supplier: str | None) -> str:
    """SPDX's agent for a text; NOASSERTION for one that SPDX cannot say."""
    if supplier is None:
        return "NOASSERTION"
    agent = supplier if supplier.startswith(_PERSON) else f"Organization: {supplier}"
    return agent if _SPDX_WRITABLE.fullmatch(agent) else "NOASSERTION"
