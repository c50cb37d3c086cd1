"""`spell.http_fetch`: the one way out of the sandbox (docs/package.md)."""

from runner.sandbox.wasi.abi import Errno, WasiError
from runner.sandbox.wasi.files import Device, File
from runner.sandbox.wasi.guest import Calls, Guest
from runner.sandbox.wasi.world import OpenFile
from schema import limits
from schema.violations import ViolationKind

MODULE = "spell"
_HEAD_BYTES_MAX = 16 * 1024
_BODY_BYTES_MAX = limits.NET_MB_MAX * limits.MIB


def http_fetch(
    guest: Guest, head: int, head_length: int, body: int, body_length: int, opened: int
) -> None:
    """Send a request and open its response for reading.

    The head is a JSON object with `method`, `url` and maybe `headers`, a list of name and value.
    What `fd_read` then reads is one line of JSON (`status`, `url`, `headers`) and the body.

    Raises:
        WasiError: ACCES (not allowed), NOSPC (over a limit), INVAL, HOSTUNREACH, TIMEDOUT, MFILE.
    """
    world = guest.world
    if head_length > _HEAD_BYTES_MAX or body_length > _BODY_BYTES_MAX:
        raise WasiError(Errno.TOOBIG)
    guest.memory.check(opened, 4)
    world.check_room()
    request = guest.memory.read(head, head_length), guest.memory.read(body, body_length)
    if world.network is None:
        world.violations.note(ViolationKind.NET_DENIED)
        raise WasiError(Errno.ACCES)
    response = File(inode=0, device=Device.READ_ONLY, content=world.network.fetch(*request))
    number = world.open(OpenFile(response, readable=True, writable=False))
    guest.memory.write_u32(opened, number)


CALLS: Calls = {"http_fetch": ("iiiii", http_fetch)}
