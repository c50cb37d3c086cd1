"""The contract of `BillReader`, hostile documents included. Run on every implementation."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import psutil
import pytest

from activities.supply_chain.ports import BillReader
from infra.supply_chain.bill_reader import KillableBillReader
from infra.supply_chain.bills.reading import write_bill
from schema.contracts.bill import Bill, BillFamily
from schema.contracts.supply_chain import BillCheck, Check, Severity
from schema.errors import SpellError
from schema.limits import BILL_BYTES_MAX, BILL_CHECK_MEMORY_BYTES_MAX, BILL_COMPONENTS_MAX
from tests.support.bills import a_bill

CYCLONEDX = write_bill(a_bill(), BillFamily.CYCLONEDX)
SPDX = write_bill(a_bill(), BillFamily.SPDX)


@pytest.fixture(params=[KillableBillReader], scope="module")
async def reader(request: pytest.FixtureRequest) -> AsyncIterator[BillReader]:
    async with request.param(children=1) as opened:
        yield opened


def cyclonedx(**members: Any) -> bytes:
    head = {"bomFormat": "CycloneDX", "specVersion": "1.6"}
    return json.dumps({**head, **members}).encode()


def components(count: int, **members: Any) -> list[dict[str, Any]]:
    return [{"type": "library", "name": f"c{number}", **members} for number in range(count)]


def spdx(**members: Any) -> bytes:
    return json.dumps({**json.loads(SPDX), **members}).encode()


async def refused(reader: BillReader, content: bytes) -> str:
    """The code of the refusal; the next document is read as ever."""
    check = await reader.read(content)
    assert check.bill is None
    assert check.reasons
    for reason in check.reasons:
        assert (reason.check, reason.severity) == (Check.SBOM, Severity.REFUSE)
        assert len(reason.message) < 1_000
    assert (await reader.read(CYCLONEDX)).bill is not None
    return check.reasons[0].code


async def bill_of(reader: BillReader, content: bytes) -> Bill:
    check = await reader.read(content)
    assert check.bill is not None, check.reasons
    return check.bill


@pytest.mark.parametrize("content", [CYCLONEDX, SPDX], ids=["cyclonedx", "spdx"])
async def test_a_document_says_what_was_written(reader: BillReader, content: bytes) -> None:
    assert (await bill_of(reader, content)).components == a_bill().components


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "SBOM_MALFORMED"),
        (b"\xef\xbb\xbf" + CYCLONEDX, "SBOM_MALFORMED"),
        (CYCLONEDX.decode().encode("utf-16"), "SBOM_MALFORMED"),
        (CYCLONEDX.replace(b"lib0", b"lib\xff"), "SBOM_MALFORMED"),
        (CYCLONEDX.replace(b"lib0", b"\\ud800"), "SBOM_MALFORMED"),
        (CYCLONEDX.replace(b'"version": 1,', b'"version": NaN,'), "SBOM_MALFORMED"),
        (CYCLONEDX.replace(b'"version": 1,', b'"version": 1, "version": 1,'), "SBOM_MALFORMED"),
        (CYCLONEDX.replace(b'"version": 1,', b'"version": 1e999,'), "SBOM_MALFORMED"),
        (CYCLONEDX[:-3], "SBOM_MALFORMED"),
        (b"[" * 1_000_000, "SBOM_MALFORMED"),
        (cyclonedx(components=json.loads("[" * 80 + "]" * 80)), "SBOM_MALFORMED"),
        (b"[]", "SBOM_FORMAT_UNKNOWN"),
        (b'"CycloneDX"', "SBOM_FORMAT_UNKNOWN"),
        (b'{"bomFormat": "Cyclone"}', "SBOM_FORMAT_UNKNOWN"),
        (cyclonedx(specVersion="1.3"), "SBOM_FORMAT_UNSUPPORTED"),
        (cyclonedx(specVersion="1.8"), "SBOM_FORMAT_UNSUPPORTED"),
        (cyclonedx(specVersion=["1.6"]), "SBOM_FORMAT_UNSUPPORTED"),
        (spdx(spdxVersion="SPDX-2.1"), "SBOM_FORMAT_UNSUPPORTED"),
        (b'{"@context": "https://spdx.org/rdf/3.0.1/x.jsonld"}', "SBOM_FORMAT_UNSUPPORTED"),
        (b'<?xml version="1.0"?><bom/>', "SBOM_FORMAT_UNSUPPORTED"),
        (b"SPDXVersion: SPDX-2.3\n", "SBOM_FORMAT_UNSUPPORTED"),
        (b" " * (BILL_BYTES_MAX + 1), "SBOM_TOO_LARGE"),
        (cyclonedx(components=[{}] * 1_000_000), "SBOM_TOO_LARGE"),
        (cyclonedx(components=[{"components": [{}] * 300_000}]), "SBOM_TOO_LARGE"),
        (spdx(files=[{}] * (BILL_COMPONENTS_MAX + 1)), "SBOM_TOO_LARGE"),
    ],
    ids=range(25),
)
async def test_what_is_no_document_of_ours_is_refused_by_its_own_code(
    reader: BillReader, content: bytes, code: str
) -> None:
    assert await refused(reader, content) == code


@pytest.mark.parametrize(
    "content",
    [
        cyclonedx(odd=1),
        cyclonedx(components={}),
        cyclonedx(components=[1]),
        cyclonedx(components=components(1) * 2),
        cyclonedx(components=components(1, hashes=[{"alg": "SHA-256", "content": "zz"}])),
        cyclonedx(components=[*components(599), {"type": "odd", "name": "last"}]),
        cyclonedx(components=components(2, **{"bom-ref": "same"})),
        cyclonedx(metadata=None),
        cyclonedx(serialNumber="urn:uuid:1"),
        spdx(packages=[{}]),
        spdx(packages=[json.loads(SPDX)["packages"][0]] * 2),
        spdx(documentNamespace="no uri"),
        spdx(creationInfo=None),
        spdx(creationInfo={"created": "yesterday", "creators": ["Tool: x"]}),
        spdx(
            relationships=[
                *json.loads(SPDX)["relationships"],
                {
                    "spdxElementId": "SPDXRef-gone",
                    "relationshipType": "DEPENDS_ON",
                    "relatedSpdxElement": "SPDXRef-DOCUMENT",
                },
            ]
        ),
        spdx(relationships=[]),
    ],
    ids=range(16),
)
async def test_a_document_that_breaks_its_formats_rules_is_invalid(
    reader: BillReader, content: bytes
) -> None:
    assert await refused(reader, content) == "SBOM_INVALID"


@pytest.mark.parametrize(
    "members", [{"packages": "x"}, {"files": 1}, {"relationships": {"a": 1}}, {"packages": [1]}]
)
async def test_what_breaks_the_validator_itself_is_refused(
    reader: BillReader, members: dict[str, Any]
) -> None:
    assert await refused(reader, spdx(**members)) in {"SBOM_INVALID", "SBOM_UNSUPPORTED"}


async def test_a_fault_names_its_place_behind_the_first_piece_as_well(reader: BillReader) -> None:
    content = cyclonedx(components=[*components(599), {"type": "odd", "name": "last"}])
    (reason,) = (await reader.read(content)).reasons
    assert reason.subject == "/components/599/type"


async def test_a_flood_of_faults_is_told_in_ten(reader: BillReader) -> None:
    check = await reader.read(cyclonedx(components=[{"name": f"{n}"} for n in range(900)]))
    assert len(check.reasons) == 10


async def test_a_text_that_is_too_long_to_keep_is_unsupported_and_named(
    reader: BillReader,
) -> None:
    content = cyclonedx(components=components(1, group="g" * 10_000, **{"bom-ref": "c"}))
    assert await refused(reader, content) == "SBOM_UNSUPPORTED"
    check = await reader.read(content)
    assert "group" in check.reasons[0].message


async def test_two_hashes_of_one_kind_are_not_chosen_from(reader: BillReader) -> None:
    hashes = [{"alg": "SHA-256", "content": digit * 64} for digit in "ab"]
    content = cyclonedx(components=components(1, hashes=hashes))
    assert await refused(reader, content) == "SBOM_UNSUPPORTED"


async def test_dependencies_in_circles_are_read(reader: BillReader) -> None:
    parts = [{"type": "library", "name": ref, "bom-ref": ref} for ref in "abc"]
    edges = [{"ref": a, "dependsOn": [b, a]} for a, b in ("ab", "bc", "ca")]
    bill = await bill_of(reader, cyclonedx(components=parts, dependencies=edges))
    assert [item.depends_on for item in bill.components] == [["b", "a"], ["c", "b"], ["a", "c"]]


async def test_dependencies_of_what_is_no_component_are_a_warning(reader: BillReader) -> None:
    content = cyclonedx(components=components(1), dependencies=[{"ref": "gone"}])
    check = await reader.read(content)
    assert check.bill is not None
    (reason,) = check.reasons
    assert (reason.code, reason.severity) == ("SBOM_DEPENDENCY_UNRESOLVED", Severity.WARN)


@pytest.mark.parametrize(
    "expression",
    [
        "(" * 60_000 + "MIT" + ")" * 60_000,
        " OR ".join(["MIT"] * 15_000),
        " AND ".join(f"LicenseRef-{number}" for number in range(5_000)),
        "MIT WITH " * 10_000,
        "+" * 100_000,
    ],
    ids=["parentheses", "OR", "refs", "WITH", "plus"],
)
async def test_a_license_bomb_ends(reader: BillReader, expression: str) -> None:
    """Its text may be read or refused; in either format the next document is read as ever."""
    parts = components(1, licenses=[{"expression": expression}])
    for content in (cyclonedx(components=parts), spdx_with_license(expression)):
        check = await reader.read(content)
        assert (check.bill is None) == any(r.severity is Severity.REFUSE for r in check.reasons)
    assert isinstance(reader, KillableBillReader)
    converted = await reader.convert(cyclonedx(components=parts), BillFamily.SPDX)
    if isinstance(converted, bytes):
        bill = await bill_of(reader, converted)
        assert bill.components[0].license_declared == expression
    assert (await reader.read(CYCLONEDX)).bill is not None


def spdx_with_license(expression: str) -> bytes:
    packages = json.loads(SPDX)["packages"]
    packages[0]["licenseDeclared"] = expression
    return spdx(packages=packages)


@pytest.mark.parametrize("carried", ["", "{", "[]", '{"hashes": 1}', '{"depends_on": [{}]}'])
async def test_a_property_of_ours_that_a_stranger_made_up_is_passed_over(
    reader: BillReader, carried: str
) -> None:
    ours = [{"name": "spell-platform:carried", "value": carried}]
    bill = await bill_of(reader, cyclonedx(components=components(1, properties=ours)))
    assert (bill.components[0].hashes, bill.components[0].depends_on) == ({}, [])


async def test_a_property_of_ours_cannot_contradict_what_everybody_reads(
    reader: BillReader,
) -> None:
    carried = {"purl": "pkg:npm/good@1", "version": "2", "hashes": {"sha256": "a" * 64}}
    ours = [{"name": "spell-platform:carried", "value": json.dumps(carried)}]
    hashes = [{"alg": "SHA-256", "content": "b" * 64}]
    parts = components(1, purl="pkg:npm/bad@1", version="1", hashes=hashes, properties=ours)
    (component,) = (await bill_of(reader, cyclonedx(components=parts))).components
    assert (component.purl, component.version) == ("pkg:npm/bad@1", "1")
    assert component.hashes == {"sha256": "b" * 64}


async def test_as_many_components_as_are_taken_are_read(reader: BillReader) -> None:
    content = cyclonedx(components=components(BILL_COMPONENTS_MAX))
    assert len((await bill_of(reader, content)).components) == BILL_COMPONENTS_MAX


# A list below the top is compared each with each, in one piece.
EXPENSIVE = [{"type": "library", "name": "top", "components": components(9_000)}]


async def test_a_document_that_costs_too_much_ends_with_its_process() -> None:
    before = children()
    async with KillableBillReader(children=1, cpu_seconds_max=0.5) as reader:
        check = await reader.read(cyclonedx(components=EXPENSIVE))
        assert [reason.code for reason in check.reasons] == ["SBOM_TOO_EXPENSIVE"]
        assert children() == before


async def test_a_machine_that_is_too_busy_is_not_the_documents_fault() -> None:
    """The child is stopped, as one is that gets no processor: wall time goes by, and no other."""
    others = children()
    async with KillableBillReader(children=1, seconds_max=6) as reader:
        await bill_of(reader, CYCLONEDX)
        (child,) = set(children()) - set(others)
        child.suspend()
        with pytest.raises(SpellError, match="SERVICE_UNAVAILABLE"):
            await reader.read(CYCLONEDX)
        assert not child.is_running()


async def test_processes_that_somebody_kills_are_not_the_documents_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("infra.killable.pool.ATTEMPTS_MAX", 1)
    others = children()
    async with KillableBillReader(children=1) as reader:
        await bill_of(reader, CYCLONEDX)
        (child,) = set(children()) - set(others)
        child.suspend()
        reading = asyncio.create_task(reader.read(CYCLONEDX))
        await asyncio.sleep(0)
        child.kill()
        with pytest.raises(SpellError, match="SERVICE_UNAVAILABLE"):
            await reading
        await bill_of(reader, CYCLONEDX)


async def test_a_cancelled_reading_leaves_no_answer_for_the_next(reader: BillReader) -> None:
    task = asyncio.create_task(reader.read(cyclonedx(components=components(5_000))))
    await asyncio.sleep(0.3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len((await bill_of(reader, CYCLONEDX)).components) == len(a_bill().components)


async def test_the_process_has_a_memory_limit_and_none_of_our_environment(
    reader: BillReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPELL_MASTER_KEY", "secret")
    await bill_of(reader, CYCLONEDX)
    (child,) = children()
    soft, hard = child.rlimit(psutil.RLIMIT_AS)
    assert soft == hard == BILL_CHECK_MEMORY_BYTES_MAX
    assert set(child.environ()) <= {"PYTHONPATH", "LC_CTYPE"}


async def test_a_document_is_converted_to_the_same_bytes_each_time() -> None:
    async with KillableBillReader(children=1) as reader:
        first = await reader.convert(CYCLONEDX, BillFamily.SPDX)
        assert first == await reader.convert(CYCLONEDX, BillFamily.SPDX)
        assert isinstance(first, bytes)
        assert await reader.convert(first, BillFamily.CYCLONEDX) == CYCLONEDX
        refusal = await reader.convert(b"{}", BillFamily.SPDX)
        assert isinstance(refusal, BillCheck)
        assert [reason.code for reason in refusal.reasons] == ["SBOM_FORMAT_UNKNOWN"]


def children() -> list[psutil.Process]:
    """The reading processes that this test process has now."""
    return [
        child
        for child in psutil.Process().children()
        if any("supply_chain.bills" in part for part in child.cmdline())
    ]
