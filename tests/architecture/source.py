"""The repository as data: its files, its syntax trees, its documents."""

import ast
import subprocess
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PACKAGES = ("activities", "api", "cli", "infra", "runner", "schema", "workers", "workflows")
OUR_FOLDERS = (*PACKAGES, "bench", "tests")


def python_files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def our_python_files() -> list[Path]:
    return [ROOT / "worker.py", *python_files(*OUR_FOLDERS)]


def repository_files() -> list[Path]:
    """What is in the repository or would be with the next commit; what is ignored is not."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    paths = {ROOT / name for name in listed.split("\0") if name}
    return sorted(path for path in paths if path.is_file())


def markdown_files() -> list[Path]:
    return [path for path in repository_files() if path.suffix == ".md"]


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), filename=str(path))


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def place(path: Path, node: ast.AST) -> str:
    return f"{relative(path)}:{getattr(node, 'lineno', 1)}"


def classes_in(path: Path) -> Iterator[ast.ClassDef]:
    return (node for node in ast.walk(tree_of(path)) if isinstance(node, ast.ClassDef))


def imported_modules(tree: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    """(statement, full name) of every absolute import, wherever it stands in the file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node, node.module
            yield from ((node, f"{node.module}.{alias.name}") for alias in node.names)


def last_name(node: ast.AST) -> str | None:
    """`uuid4` of both `uuid4` and `uuid.uuid4`."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else None


def keyword_text(call: ast.Call, name: str) -> str | None:
    """The value of a keyword argument, where it is a text written out."""
    for keyword in call.keywords:
        if keyword.arg == name and isinstance(keyword.value, ast.Constant):
            value = keyword.value.value
            return value if isinstance(value, str) else None
    return None


def decorator_call(
    node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef, dotted: str
) -> ast.Call | None:
    """The call in `@workflow.defn(…)`; one without a call is answered as an empty call."""
    for decorator in node.decorator_list:
        call = decorator if isinstance(decorator, ast.Call) else ast.Call(decorator, [], [])
        if ast.unparse(call.func) == dotted:
            return call
    return None


def methods_of(
    node: ast.ClassDef,
) -> Iterable[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (
        child for child in node.body if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
    )
