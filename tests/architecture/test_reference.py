"""Goal: what is written about errors and the API is what the code does."""

import ast
from collections.abc import Iterator

import pytest

from api.problems import problem_document
from schema.errors import SpellError, catalogue
from tests.architecture.source import PACKAGES, last_name, place, python_files, tree_of
from tests.architecture.write_reference import (
    ERRORS_FILE,
    OPENAPI_FILE,
    REASONS_FILE,
    anchor_of,
    errors_text,
    openapi_text,
    reasons_text,
)

TAKES_A_CODE = {"SpellError", "Ending", "Problem", "_problem"}
REMEDY = "run `make openapi` and commit what it wrote"


def test_the_checked_in_openapi_document_is_that_of_the_code() -> None:
    assert OPENAPI_FILE.read_text("utf-8") == openapi_text(), REMEDY


def test_the_checked_in_error_page_is_that_of_the_catalogue() -> None:
    assert ERRORS_FILE.read_text("utf-8") == errors_text(), REMEDY


def test_the_checked_in_page_of_reasons_is_that_of_the_catalogue() -> None:
    assert REASONS_FILE.read_text("utf-8") == reasons_text(), REMEDY


@pytest.mark.parametrize("code", catalogue())
def test_a_problem_document_points_to_its_section_of_the_error_page(code: str) -> None:
    document = problem_document(SpellError(code), "request")
    assert document["docs"].endswith(f"#{anchor_of(code)}")
    assert f'<a id="{anchor_of(code)}"></a>' in ERRORS_FILE.read_text("utf-8")


def test_every_code_that_is_written_out_is_in_the_catalogue() -> None:
    """Codes are looked up when an error is made, so a wrong one shows only on the bad path."""
    found = [f"{where} {code}" for where, code in _codes_written_out() if code not in catalogue()]
    assert found == []


def test_codes_are_found_in_the_code() -> None:
    found = {code for _, code in _codes_written_out()}
    assert {"SPELL_NOT_FOUND", "CAST_CANCELLED", "PAYMENT_REQUIRED", "FUEL_EXHAUSTED"} <= found


def _codes_written_out() -> Iterator[tuple[str, str]]:
    for path in python_files(*PACKAGES):
        for node in ast.walk(tree_of(path)):
            for part in _code_expressions(node):
                yield from ((place(path, part), code) for code in _texts(part))


def _code_expressions(node: ast.AST) -> Iterator[ast.AST]:
    """X in `SpellError(X)`, `code=X`, `error.code == X`."""
    if isinstance(node, ast.Call) and last_name(node.func) in TAKES_A_CODE:
        yield from node.args[:1]
    if isinstance(node, ast.keyword) and node.arg == "code":
        yield node.value
    if isinstance(node, ast.Compare) and last_name(node.left) == "code":
        yield from node.comparators


def _texts(node: ast.AST) -> Iterator[str]:
    """The texts that an expression can be: itself, a branch of a choice, a member of a set."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    parts: list[ast.expr] = []
    if isinstance(node, ast.IfExp):
        parts = [node.body, node.orelse]
    if isinstance(node, ast.BoolOp):
        parts = node.values
    if isinstance(node, ast.Set | ast.Tuple | ast.List):
        parts = node.elts
    for part in parts:
        yield from _texts(part)
