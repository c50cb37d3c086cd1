"""`spell sbom validate` and `convert`, with the process that reads."""

import json
from pathlib import Path
from typing import Any

import pytest

from cli.client import ExitCode
from infra.supply_chain.bills.reading import write_bill
from schema.contracts.bill import Bill, BillFamily, BillFormat, Component, ComponentKind
from schema.ids import sha256_digest
from tests.support.command import spell
from tests.support.e2e_packages import files_of, says

BILL = Bill(
    format=BillFormat.CYCLONEDX_1_6,
    name="resize",
    root="root",
    components=[
        Component(ref="root", name="resize", kind=ComponentKind.APPLICATION, depends_on=["png"]),
        Component(ref="png", name="png", version="0.17.0", purl="pkg:cargo/png@0.17.0"),
    ],
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "sbom.cdx.json"
    path.write_bytes(write_bill(BILL, BillFamily.CYCLONEDX))
    return path


def printed(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


def test_a_valid_bill_is_told_with_its_format(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], file: Path
) -> None:
    assert spell(monkeypatch, "sbom", "validate", str(file), "--json") == 0
    found = printed(capsys)
    assert (found["format"], found["root"], found["components"]) == ("CycloneDX-1.6", "root", 2)
    assert spell(monkeypatch, "sbom", "validate", str(file)) == 0
    assert "is valid CycloneDX-1.6: 2 components" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "SBOM_MALFORMED"),
        (b"{}", "SBOM_FORMAT_UNKNOWN"),
        (b"<bom/>", "SBOM_FORMAT_UNSUPPORTED"),
        (b'{"bomFormat": "CycloneDX", "specVersion": "1.6", "odd": 1}', "SBOM_INVALID"),
    ],
)
def test_what_is_no_valid_bill_ends_with_three_and_its_code(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    content: bytes,
    code: str,
) -> None:
    path = tmp_path / "bill.json"
    path.write_bytes(content)
    for command in (["validate"], ["convert", "--to", "spdx"]):
        arguments = ["sbom", command[0], str(path), *command[1:]]
        assert spell(monkeypatch, *arguments, "--json") == ExitCode.REFUSED
        found = printed(capsys)
        assert (found["code"], found["reasons"][0]["code"]) == (code, code)
    assert spell(monkeypatch, "sbom", "validate", str(path)) == ExitCode.REFUSED
    assert code in capsys.readouterr().err


def test_a_bill_that_does_not_cover_the_spell_is_refused_with_every_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], file: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "spell"
    folder.mkdir()
    files = files_of("com.example.folder", says())
    for name, content in files.items():
        (folder / name).write_bytes(content)
    command = ("sbom", "validate", str(file), "--folder", str(folder), "--json")
    assert spell(monkeypatch, *command) == ExitCode.REFUSED
    reasons = printed(capsys)["reasons"]
    uncovered = {found["subject"] for found in reasons if found["code"] == "SBOM_FILE_UNCOVERED"}
    assert uncovered == set(files)

    listed = [
        Component(
            ref=name,
            name=name,
            kind=ComponentKind.FILE,
            hashes={"sha256": sha256_digest(content).removeprefix("sha256:")},
        )
        for name, content in files.items()
    ]
    whole = BILL.model_copy(update={"components": [*BILL.components, *listed]})
    file.write_bytes(write_bill(whole, BillFamily.CYCLONEDX))
    assert spell(monkeypatch, *command) == 0
    codes = {found["code"] for found in printed(capsys)["reasons"]}
    assert codes == {"SBOM_HASH_MISSING", "SBOM_SUPPLIER_MISSING"}


def test_a_bill_is_converted_there_and_back(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], file: Path, tmp_path: Path
) -> None:
    there, back = tmp_path / "sbom.spdx.json", tmp_path / "back.json"
    to_spdx = ("sbom", "convert", str(file), "--to", "spdx")
    assert spell(monkeypatch, *to_spdx, "-o", str(there), "--json") == 0
    assert printed(capsys) == {"file": str(there), "format": "spdx"}
    assert spell(monkeypatch, *to_spdx) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(there.read_bytes())
    assert json.loads(there.read_bytes())["spdxVersion"] == "SPDX-2.3"
    arguments = ("sbom", "convert", str(there), "--to", "cyclonedx", "-o", str(back))
    assert spell(monkeypatch, *arguments) == 0
    assert back.read_bytes() == file.read_bytes()


def test_a_file_that_is_not_there_is_wrong_use(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    missing = str(tmp_path / "none.json")
    assert spell(monkeypatch, "sbom", "validate", missing) == ExitCode.USAGE
    assert spell(monkeypatch, "sbom", "convert", missing, "--to", "xml") == ExitCode.USAGE
