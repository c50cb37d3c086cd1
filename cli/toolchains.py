"""Which compiler makes `spell.wasm` of which language, where it is, and what to do without it."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from cli.client import CliError, ExitCode
from cli.scaffold import Language
from schema.packaging.names import MODULE_FILE

_ASK_SECONDS_MAX = 20
_RUST_TARGET = "wasm32-wasip1"


@dataclass(frozen=True)
class Compilation:
    """One command that makes a module, in the spell's folder."""

    command: tuple[str, ...]
    made: str = MODULE_FILE
    """Where the module is then; a `*` stands for a name that the project chose."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Beside the maker's own."""


def compilation_of(language: Language, folder: Path) -> Compilation:
    """How to build the spell in a folder with what this machine has.

    Raises:
        CliError: the compiler is not here, or the folder lacks a source; it says what to do.
    """
    return _WAYS[language](folder)


def _c(folder: Path) -> Compilation:
    sources = _sources(folder, "c")
    flags = ("-std=c11", "-Os", "-s", "-o", MODULE_FILE, *sources)
    zig = _zig()
    if zig is not None:
        return Compilation((*zig, "cc", "--target=wasm32-wasi", *flags))
    clang = shutil.which("wasm32-wasip1-clang") or shutil.which("wasm32-wasi-clang")
    if clang is not None:
        return Compilation((clang, *flags))
    raise _missing("C", "`python -m pip install ziglang`, or put bin/ of wasi-sdk on PATH")


def _zig_program(folder: Path) -> Compilation:
    zig = _zig()
    if zig is None:
        raise _missing("Zig", "`python -m pip install ziglang`, or put zig on PATH")
    if (folder / "build.zig").is_file():
        command = (*zig, "build", "--release=small", "-Dtarget=wasm32-wasi", "--prefix", "zig-out")
        return Compilation(command, made="zig-out/bin/*.wasm")
    _sources(folder, "zig")
    command = (*zig, "build-exe", "-target", "wasm32-wasi", "-O", "ReleaseSmall", "-fstrip")
    return Compilation((*command, "-fsingle-threaded", f"-femit-bin={MODULE_FILE}", "src/main.zig"))


def _rust(folder: Path) -> Compilation:
    cargo, rustc = shutil.which("cargo"), shutil.which("rustc")
    if cargo is None or rustc is None:
        raise _missing("Rust", f"install rustup, then `rustup target add {_RUST_TARGET}`")
    library = _answer(rustc, "--print", "target-libdir", "--target", _RUST_TARGET)
    if not library or not Path(library).is_dir():
        raise _missing(f"Rust for {_RUST_TARGET}", f"`rustup target add {_RUST_TARGET}`")
    locked = ("--locked",) if (folder / "Cargo.lock").is_file() else ()
    command = (cargo, "build", "--release", *locked, "--target", _RUST_TARGET)
    return Compilation(
        (*command, "--target-dir", "target"), made=f"target/{_RUST_TARGET}/release/*.wasm"
    )


def _go(folder: Path) -> Compilation:
    del folder
    tinygo, go = shutil.which("tinygo"), shutil.which("go")
    if tinygo is not None:
        small = ("-target=wasip1", "-opt=z", "-no-debug", "-o", MODULE_FILE)
        return Compilation((tinygo, "build", *small, "."))
    if go is None:
        raise _missing("Go", "install Go 1.24 or newer, or TinyGo")
    flags = ("-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-mod=readonly", "-o", MODULE_FILE)
    target = {"GOOS": "wasip1", "GOARCH": "wasm"}
    return Compilation((go, "build", *flags, "."), environment=target)


def _javascript(folder: Path) -> Compilation:
    node, script = shutil.which("node"), "node_modules/componentize-qjs/bin/componentize-qjs"
    if node is None:
        raise _missing("JavaScript", "install Node.js 20 or newer, then `npm ci --ignore-scripts`")
    if not (folder / script).is_file():
        raise _missing("JavaScript", "`npm ci --ignore-scripts` in the spell's folder")
    source = _main(folder, "js")
    command = (node, script, "--wit", "wit", "--world", "spell", "--js", f"src/{source.name}")
    flags = ("--module-root", "src", "--sync", "--opt-size", "--minify")
    return Compilation((*command, *flags, "--output", MODULE_FILE))


def _python(folder: Path) -> Compilation:
    compiler = _beside_python("componentize-py") or shutil.which("componentize-py")
    if compiler is None:
        raise _missing("Python", "`python -m pip install componentize-py`")
    source = _main(folder, "py")
    command = (compiler, "--quiet", "--wit-path", "wit", "--world", "spell", "componentize")
    flags = ("--stub-wasi", "--python-path", "src", source.stem)
    return Compilation((*command, *flags, "--output", MODULE_FILE))


_WAYS: dict[Language, Callable[[Path], Compilation]] = {
    Language.C: _c,
    Language.ZIG: _zig_program,
    Language.RUST: _rust,
    Language.JAVASCRIPT: _javascript,
    Language.PYTHON: _python,
    Language.GO: _go,
}


def _zig() -> tuple[str, ...] | None:
    """This Python's package `ziglang`, whose version a lock file can pin, or PATH's."""
    if find_spec("ziglang") is not None:
        return (sys.executable, "-m", "ziglang")
    path = shutil.which("zig") or shutil.which("python-zig")
    return None if path is None else (path,)


def _beside_python(name: str) -> str | None:
    path = Path(sys.executable).parent / name
    return str(path) if path.is_file() else None


def _sources(folder: Path, suffix: str) -> list[str]:
    found = sorted(
        path.relative_to(folder).as_posix() for path in folder.glob(f"src/**/*.{suffix}")
    )
    if not found:
        raise CliError(f"There is no src/*.{suffix} in {folder}.", ExitCode.USAGE)
    return found


def _main(folder: Path, suffix: str) -> Path:
    """The module that exports `cast`: `src/spell`, or the only one that there is."""
    found = sorted(folder.glob(f"src/*.{suffix}"))
    named = [path for path in found if path.stem == "spell"] or found
    if len(named) != 1:
        message = f"{folder} should have src/spell.{suffix}, which exports what a cast calls."
        raise CliError(message, ExitCode.USAGE)
    return named[0]


def _answer(*command: str) -> str:
    try:
        ended = subprocess.run(  # noqa: S603 - without a shell, and all of it is ours
            command, check=True, capture_output=True, text=True, timeout=_ASK_SECONDS_MAX
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return ended.stdout.strip()


def _missing(what: str, remedy: str) -> CliError:
    message = f"No compiler for {what} is here.\n  What to do: {remedy}."
    return CliError(message, ExitCode.USAGE, {"message": message, "missing": what})
