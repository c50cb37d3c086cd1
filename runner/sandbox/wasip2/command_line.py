"""`wasi:cli`: arguments, environment, the end of the program, its streams. No terminal is there."""

from runner.sandbox.wasi.abi import GuestEnd
from runner.sandbox.wasip2.guest import ComponentGuest, Interface, Resource
from runner.sandbox.wasip2.values import Err, Handle, Ok


def _environment(guest: ComponentGuest) -> list[tuple[str, str]]:
    pairs = (variable.decode().split("=", 1) for variable in guest.world.environment)
    return [(name, value) for name, value in pairs]


def _arguments(guest: ComponentGuest) -> list[str]:
    return [argument.decode() for argument in guest.world.arguments]


def _exit(_guest: ComponentGuest, status: Ok | Err) -> None:
    _exit_with_code(_guest, 0 if isinstance(status, Ok) else 1)


def _exit_with_code(_guest: ComponentGuest, code: int) -> None:
    if code == 0:
        raise GuestEnd(None)
    raise GuestEnd("SPELL_FAILED", {"exit_code": code})


def _stdin(guest: ComponentGuest) -> Handle:
    return guest.hand_out(Resource.INPUT_STREAM, guest.stdin)


def _stdout(guest: ComponentGuest) -> Handle:
    return guest.hand_out(Resource.OUTPUT_STREAM, guest.stdout)


def _stderr(guest: ComponentGuest) -> Handle:
    return guest.hand_out(Resource.OUTPUT_STREAM, guest.world.stderr)


def _nothing(_guest: ComponentGuest) -> None:
    """An option that is empty."""


INTERFACES = [
    Interface(
        "wasi:cli/environment",
        {
            "get-environment": _environment,
            "get-arguments": _arguments,
            "initial-cwd": _nothing,
        },
    ),
    Interface("wasi:cli/exit", {"exit": _exit, "exit-with-code": _exit_with_code}),
    Interface("wasi:cli/stdin", {"get-stdin": _stdin}),
    Interface("wasi:cli/stdout", {"get-stdout": _stdout}),
    Interface("wasi:cli/stderr", {"get-stderr": _stderr}),
    Interface("wasi:cli/terminal-input", {}, {"terminal-input": Resource.TERMINAL_INPUT}),
    Interface("wasi:cli/terminal-output", {}, {"terminal-output": Resource.TERMINAL_OUTPUT}),
    Interface("wasi:cli/terminal-stdin", {"get-terminal-stdin": _nothing}),
    Interface("wasi:cli/terminal-stdout", {"get-terminal-stdout": _nothing}),
    Interface("wasi:cli/terminal-stderr", {"get-terminal-stderr": _nothing}),
]
