"""The examples' bills of materials are those that a maker gets, and the gate has nothing to say."""

from pathlib import Path

import pytest

from cli.bill_making import write_bill
from cli.packages import package_files
from infra.supply_chain.bills.reading import read_bill
from schema.ids import sha256_digest
from schema.packaging.names import SBOM_FILES
from schema.supply_chain.completeness import check_completeness
from tests.support.e2e_cli import EXAMPLES

# The module of `trends` is not kept in the repository, so neither is its bill.
KEPT = ("actions-report", "chart", "letter", "markdown", "status-page", "table", "thumbnail")


@pytest.mark.parametrize("name", KEPT)
def test_an_examples_bill_is_what_the_generator_makes_of_it(name: str, tmp_path: Path) -> None:
    folder = EXAMPLES / name
    made, _ = write_bill(folder, output=tmp_path / "made.json")
    assert made.read_bytes() == (folder / SBOM_FILES[1]).read_bytes(), "run: make -C examples"


@pytest.mark.parametrize("name", KEPT)
def test_an_examples_bill_leaves_nothing_out(name: str) -> None:
    files = package_files(EXAMPLES / name)
    check = read_bill(files[SBOM_FILES[1]])
    assert check.bill is not None
    digests = {name: sha256_digest(content) for name, content in files.items()}
    found = [*check.reasons, *check_completeness(check.bill, digests)]
    # Registries have no digests of parts of a compiler: the one warning that is left.
    assert {each.code for each in found} <= {"SBOM_HASH_MISSING"}
