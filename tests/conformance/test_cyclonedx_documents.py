"""CycloneDX's own valid and invalid documents, where they are provided.

Goal: what its authors call valid is accepted, what they call invalid is refused, and a valid one
goes to SPDX and back without a loss. Method: each document is read with full validation, which on
the SPDX side is that of spdx-tools; what must survive is collected here from the raw JSON before
and after, and not by the code under test. The table is printed behind the tests.
"""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from infra.supply_chain.bills.reading import read_bill, write_bill
from schema.contracts.bill import BillFamily, BillFormat
from tests.support.reports import print_table

pytestmark = pytest.mark.conformance

_FOLDER = Path(__file__).parents[3] / "shared/conformance"
_ARCHIVES = sorted(_FOLDER.glob("cyclonedx-*.zip"))
_ABSENT = pytest.mark.skip(reason="no cyclonedx-*.zip lies in ../shared/conformance")
MEMBERS = ("name", "version", "purl", "hashes", "licenses", "dependencies")


def _documents() -> list[Any]:
    found = [
        pytest.param(archive, name, id=Path(name).stem)
        for archive in _ARCHIVES
        for name in sorted(ZipFile(archive).namelist())
        if name.endswith(".json")
    ]
    return found or [pytest.param(_FOLDER, "", marks=_ABSENT)]


@pytest.fixture(scope="module")
def counted(request: pytest.FixtureRequest) -> Iterator[dict[str, Counter[str]]]:
    """Filled by the tests, and printed as a table behind them."""
    table: dict[str, Counter[str]] = {}
    yield table
    columns = ("accepted", "refused", "round trips", "components", *MEMBERS)
    lines = [f"{'':<10}" + "".join(f"{column:>13}" for column in columns)]
    for version, row in sorted(table.items()):
        lines.append(f"{version:<10}" + "".join(f"{row[column]:>13}" for column in columns))
    print_table(request.config, lines)


@pytest.mark.parametrize(("archive", "name"), _documents())
def test_a_document_is_judged_as_its_authors_say_and_a_valid_one_survives_spdx(
    archive: Path, name: str, counted: dict[str, Counter[str]]
) -> None:
    content = ZipFile(archive).read(name)
    row = counted.setdefault(archive.stem.removeprefix("cyclonedx-"), Counter())
    check = read_bill(content)
    if Path(name).name.startswith("invalid-"):
        assert check.bill is None
        assert all(reason.message for reason in check.reasons)
        assert check.reasons
        row["refused"] += 1
        return
    assert check.bill is not None, check.reasons
    row["accepted"] += 1
    spdx = read_bill(write_bill(check.bill, BillFamily.SPDX))
    assert spdx.bill is not None, spdx.reasons
    assert spdx.bill.format is BillFormat.SPDX_2_3
    back = write_bill(spdx.bill, BillFamily.CYCLONEDX)
    assert read_bill(back).bill is not None
    before, after = facts_of(json.loads(content)), facts_of(json.loads(back))
    assert after == before
    row["round trips"] += 1
    row["components"] += before["name"].total()
    row.update({member: facts.total() for member, facts in before.items()})


def facts_of(document: dict[str, Any]) -> dict[str, Counter[Any]]:
    """Everything that must survive, each fact with the name of the element it is about."""
    facts: dict[str, Counter[Any]] = {member: Counter() for member in MEMBERS}
    names: dict[str, str] = {}
    for element in _elements(document):
        name = f"{element.get('group', '')}/{element['name']}"
        names[element.get("bom-ref", "")] = name
        facts["name"][name] += 1
        for member in ("version", "purl"):
            if member in element:
                facts[member][name, element[member]] += 1
        for item in element.get("hashes", []):
            facts["hashes"][name, item["alg"], item["content"].lower()] += 1
        for item in element.get("licenses", []):
            facts["licenses"][name, *_license_in(item)] += 1
    facts["dependencies"].update(_dependencies_in(document, names))
    return facts


def _dependencies_in(document: dict[str, Any], names: dict[str, str]) -> Iterator[Any]:
    for entry in document.get("dependencies", []):
        for kind in ("dependsOn", "provides"):
            for ref in entry.get(kind, []):
                yield names[entry["ref"]], kind, names[ref]


def _license_in(choice: dict[str, Any]) -> tuple[str, str, str]:
    """Id, name or expression, what that is, and who says so; declared unless it is said."""
    license_ = choice.get("license", choice)
    kind = next(key for key in ("id", "name", "expression") if key in license_)
    return kind, license_[kind], license_.get("acknowledgement", "declared")


def _elements(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    waiting = [*document.get("components", []), *document.get("services", [])]
    waiting += [document["metadata"]["component"]] if _has_root(document) else []
    while waiting:
        element = waiting.pop()
        yield element
        waiting += [*element.get("components", []), *element.get("services", [])]


def _has_root(document: dict[str, Any]) -> bool:
    return "component" in document.get("metadata", {})
