"""Goal: the house of docs/architecture.md stands as it is drawn. Method: syntax trees."""

import importlib.metadata
import subprocess
import sysconfig
import tomllib
from pathlib import Path

import pytest

from tests.architecture.source import (
    PACKAGES,
    ROOT,
    imported_modules,
    our_python_files,
    place,
    python_files,
    relative,
    tree_of,
)

# One line more, and a composition root is doing something.
ROOT_LINES_MAX = 120
COMPOSITION_ROOTS = (
    *("worker.py", "cli/main.py", "runner/main.py"),
    *("api/main.py", "api/wiring.py", "api/github_wiring.py", "api/ledger_wiring.py"),
    *("api/purchase_wiring.py", "api/stream_wiring.py", "api/webhook_wiring.py"),
)
NAMES_WITHOUT_MEANING = {"utils", "util", "common", "core", "services", "helpers", "misc"}


def test_every_import_contract_holds() -> None:
    lint_imports = Path(sysconfig.get_path("scripts")) / "lint-imports"
    checked = subprocess.run(
        [lint_imports, "--no-cache"], cwd=ROOT, check=False, capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_import_contracts_cover_every_package() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert set(settings["tool"]["importlinter"]["root_packages"]) == set(PACKAGES)


def test_nobody_imports_the_worker() -> None:
    found = [
        place(path, node)
        for path in our_python_files()
        for node, name in imported_modules(tree_of(path))
        if name == "worker" or name.startswith("worker.")
    ]
    assert found == []


@pytest.mark.parametrize("name", COMPOSITION_ROOTS)
def test_a_composition_root_only_wires(name: str) -> None:
    lines = len((ROOT / name).read_text("utf-8").splitlines())
    assert lines <= ROOT_LINES_MAX, f"{name} has {lines} lines: move what is not wiring"


def test_no_module_has_a_name_without_meaning() -> None:
    found = [
        relative(path)
        for path in python_files(*PACKAGES)
        if NAMES_WITHOUT_MEANING & {path.stem, path.parent.name}
    ]
    assert found == []


def test_every_folder_of_code_is_a_package() -> None:
    """import-linter does not see a module in a folder without `__init__.py`."""
    found = {
        relative(path.parent)
        for path in python_files(*PACKAGES)
        if not (path.parent / "__init__.py").is_file() and "migrations" not in path.parts
    }
    assert found == set()


def test_no_other_distribution_owns_our_names() -> None:
    owners = importlib.metadata.packages_distributions()
    foreign = {
        name: sorted(set(owners.get(name, [])) - {"spell-platform"})
        for name in (*PACKAGES, "worker")
    }
    assert {name: found for name, found in foreign.items() if found} == {}


def test_the_wheel_holds_our_packages_and_nothing_else() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wheel = settings["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert set(wheel["only-include"]) == {*PACKAGES, "worker.py"}


def test_the_project_cannot_be_uploaded_to_an_index() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert "Private :: Do Not Upload" in settings["project"]["classifiers"]
