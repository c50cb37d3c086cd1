"""Goal: what travels between processes is the same at every replay (design/style.md 2).

A default that reads a clock or draws at random gives another value each time a workflow is
replayed, and neither the sandbox nor the replayer notices.
"""

import ast
import importlib
from collections.abc import Iterator

import pytest
from pydantic import BaseModel
from sqlmodel import SQLModel

from schema.contracts.base import Contract
from tests.architecture.source import (
    ROOT,
    classes_in,
    imported_modules,
    last_name,
    place,
    python_files,
    relative,
    tree_of,
)

UNREPEATABLE = {
    *("uuid1", "uuid3", "uuid4", "uuid5", "uuid6", "uuid7", "uuid8", "getnode"),
    *("now", "utcnow", "today", "fromtimestamp", "time", "time_ns", "gmtime", "localtime"),
    *("monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "process_time"),
    *("token_bytes", "token_hex", "token_urlsafe", "urandom", "randbits", "randbelow"),
    *("random", "randint", "randrange", "randbytes", "getrandbits", "choice", "choices"),
    *("sample", "shuffle", "uniform", "getpid", "gethostname", "environ", "getenv"),
    *("new_account_id", "new_api_key_id", "new_exception_id"),
}
CLOCKS_AND_CHANCE = {"time", "random", "secrets", "uuid", "os", "socket"}
PLAIN_FACTORIES = (dict, list, set, frozenset, tuple)

SCHEMA_FILES = [path for path in python_files("schema") if "tables" not in path.parts]
CONTRACT_FILES = python_files("schema/contracts")


def all_models() -> list[type[BaseModel]]:
    """Every pydantic model that a module of `schema` defines, tables aside."""
    for path in SCHEMA_FILES:
        importlib.import_module(relative(path).removesuffix(".py").replace("/", "."))
    return sorted(_below(BaseModel), key=lambda model: f"{model.__module__}.{model.__name__}")


def _below(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for child in model.__subclasses__():
        yield from _below(child)
        if child.__module__.startswith("schema.") and not issubclass(child, SQLModel):
            yield child


MODELS = all_models()


def test_no_class_of_the_schema_has_a_default_from_a_clock_or_from_chance() -> None:
    found = [
        f"{place(path, node)} {last_name(node)}"
        for path in SCHEMA_FILES
        for model in classes_in(path)
        for part in _annotations_and_defaults(model)
        for node in ast.walk(part)
        if last_name(node) in UNREPEATABLE
    ]
    assert found == []


def _annotations_and_defaults(model: ast.ClassDef) -> Iterator[ast.AST]:
    for statement in model.body:
        if isinstance(statement, ast.AnnAssign):
            yield statement.annotation
        if isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is not None:
            yield statement.value


def test_contract_modules_import_no_clock_and_no_chance() -> None:
    found = [
        f"{place(path, node)} {name}"
        for path in CONTRACT_FILES
        for node, name in imported_modules(tree_of(path))
        if name.partition(".")[0] in CLOCKS_AND_CHANCE
    ]
    assert found == []


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_a_models_default_factories_make_empty_containers(model: type[BaseModel]) -> None:
    """Whatever they are called in the source: this looks at the built model."""
    factories = {
        name: field.default_factory
        for name, field in model.model_fields.items()
        if field.default_factory is not None
    }
    assert {name for name, made in factories.items() if made not in PLAIN_FACTORIES} == set()


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_a_model_is_frozen_and_refuses_unknown_members(model: type[BaseModel]) -> None:
    assert issubclass(model, Contract)
    assert model.model_config.get("frozen") is True
    assert model.model_config.get("extra") == "forbid"


def test_the_tests_above_saw_the_contracts() -> None:
    assert len(MODELS) > len(CONTRACT_FILES) > 1
    assert (ROOT / "schema" / "contracts" / "cast.py") in CONTRACT_FILES
