"""Socket functions: there are no sockets, only what `spell.http_fetch` allows."""

from runner.sandbox.wasi.abi import Errno, WasiError
from runner.sandbox.wasi.guest import Calls, Guest


def refuse(guest: Guest, fd: int, *_rest: int) -> None:
    """No descriptor is a socket."""
    guest.world.descriptor(fd)
    raise WasiError(Errno.NOTSOCK)


CALLS: Calls = {
    "sock_accept": ("iii", refuse),
    "sock_recv": ("iiiiii", refuse),
    "sock_send": ("iiiii", refuse),
    "sock_shutdown": ("ii", refuse),
}
