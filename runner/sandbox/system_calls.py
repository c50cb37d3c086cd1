"""A seccomp filter: what a sandbox process may not ask of the kernel, whatever happens in it.

Guest code cannot make system calls at all. This is for the day when it breaks out of wasmtime: no
new process or program, no socket, no signal to others, no tracing, no new namespaces or mounts, no
change of the owner, mode or attributes of a file that others have open as well. The egress process
may have sockets that connect by TCP or UDP, and no others.
A deny-list, because Python, glibc and wasmtime may call other harmless things tomorrow.
"""

import ctypes
import errno
import os
import struct

_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2
_ALLOW = 0x7FFF0000
_ERRNO = 0x00050000
_KILL_PROCESS = 0x80000000
_CLONE_THREAD = 0x00010000

# Classic BPF: load a word of seccomp_data; jump if equal, greater or equal, any bit; return.
_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_AND = 0x54
_NUMBER_AT, _ARCHITECTURE_AT, _FIRST_ARGUMENT_AT, _ARGUMENT_BYTES = 0, 4, 16, 8

_TO_CONNECT = {"socket", "connect"}
_ALL_BITS, _SOCKET_TYPE_BITS = 0xFFFFFFFF, 0xF
# Arguments of socket(): IPv4 or IPv6; a stream or datagrams, beside flags; by TCP or UDP.
_INTERNET_SOCKETS = (
    (_ALL_BITS, (2, 10)),
    (_SOCKET_TYPE_BITS, (1, 2)),
    (_ALL_BITS, (0, 6, 17)),
)

# Numbers from 424 on are the same everywhere.
_DENIED_EVERYWHERE = {
    "pidfd_send_signal": 424,
    "io_uring_setup": 425,
    "io_uring_enter": 426,
    "io_uring_register": 427,
    "open_tree": 428,
    "move_mount": 429,
    "fsopen": 430,
    "fsconfig": 431,
    "fsmount": 432,
    "pidfd_open": 434,
    "pidfd_getfd": 438,
    "process_madvise": 440,
    "mount_setattr": 442,
    "fchmodat2": 452,
}
_CLONE3 = 435

_DENIED_X86_64 = {
    "socket": 41,
    "connect": 42,
    "accept": 43,
    "bind": 49,
    "listen": 50,
    "accept4": 288,
    "fork": 57,
    "vfork": 58,
    "execve": 59,
    "execveat": 322,
    "kill": 62,
    "rt_sigqueueinfo": 129,
    "ptrace": 101,
    "process_vm_readv": 310,
    "process_vm_writev": 311,
    "personality": 135,
    "pivot_root": 155,
    "chroot": 161,
    "mount": 165,
    "umount2": 166,
    "unshare": 272,
    "setns": 308,
    "reboot": 169,
    "init_module": 175,
    "finit_module": 313,
    "delete_module": 176,
    "kexec_load": 246,
    "kexec_file_load": 320,
    "add_key": 248,
    "request_key": 249,
    "keyctl": 250,
    "perf_event_open": 298,
    "open_by_handle_at": 304,
    "bpf": 321,
    "userfaultfd": 323,
    "fchmod": 91,
    "fchmodat": 268,
    "fchown": 93,
    "fchownat": 260,
    "setxattr": 188,
    "fsetxattr": 190,
    "chmod": 90,
    "chown": 92,
}
_DENIED_AARCH64 = {
    "socket": 198,
    "bind": 200,
    "listen": 201,
    "accept": 202,
    "connect": 203,
    "accept4": 242,
    "execve": 221,
    "execveat": 281,
    "kill": 129,
    "rt_sigqueueinfo": 138,
    "ptrace": 117,
    "process_vm_readv": 270,
    "process_vm_writev": 271,
    "personality": 92,
    "pivot_root": 41,
    "chroot": 51,
    "mount": 40,
    "umount2": 39,
    "unshare": 97,
    "setns": 268,
    "reboot": 142,
    "init_module": 105,
    "finit_module": 273,
    "delete_module": 106,
    "kexec_load": 104,
    "kexec_file_load": 294,
    "add_key": 217,
    "request_key": 218,
    "keyctl": 219,
    "perf_event_open": 241,
    "open_by_handle_at": 265,
    "bpf": 280,
    "userfaultfd": 282,
    "fchmod": 52,
    "fchmodat": 53,
    "fchown": 55,
    "fchownat": 54,
    "setxattr": 5,
    "fsetxattr": 7,
}
# machine: (AUDIT_ARCH of seccomp_data, number of clone, denied, numbers of a second ABI)
_MACHINES = {
    "x86_64": (0xC000003E, 56, _DENIED_X86_64, 0x40000000),
    "aarch64": (0xC00000B7, 220, _DENIED_AARCH64, None),
}


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def deny_system_calls(libc: ctypes.CDLL, *, internet: bool = False) -> bool:
    """Put the filter on this thread and all that it starts; whether the kernel took it.

    Args:
        libc: `no_new_privs` must be set before.
        internet: connecting by TCP and UDP stays allowed.
    """
    machine = os.uname().machine
    if machine not in _MACHINES:
        return False
    instructions = _filter_for(machine, internet=internet)
    program = _Program(len(instructions) // 8, instructions)
    status = libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0)
    return int(status) == 0


def _filter_for(machine: str, *, internet: bool) -> bytes:
    architecture, clone, all_denied, second_abi = _MACHINES[machine]
    kept = _TO_CONNECT if internet else set()
    denied = [number for name, number in all_denied.items() if name not in kept]
    program = [
        _step(_LOAD, _ARCHITECTURE_AT),
        _step(_JUMP_EQUAL, architecture, if_true=1),
        _step(_RETURN, _KILL_PROCESS),
        _step(_LOAD, _NUMBER_AT),
    ]
    if second_abi is not None:
        program += _deny(_JUMP_AT_LEAST, second_abi, errno.EPERM)
    # glibc falls back from clone3, whose flags a filter cannot see, to clone.
    program += _deny(_JUMP_EQUAL, _CLONE3, errno.ENOSYS)
    for number in sorted({*denied, *_DENIED_EVERYWHERE.values()}):
        program += _deny(_JUMP_EQUAL, number, errno.EPERM)
    if internet:
        program += _only_internet(all_denied["socket"])
    # Threads may be made, processes not.
    program += [
        _step(_JUMP_EQUAL, clone, if_false=3),
        _step(_LOAD, _FIRST_ARGUMENT_AT),
        _step(_JUMP_ANY_BIT, _CLONE_THREAD, if_true=1),
        _step(_RETURN, _ERRNO | errno.EPERM),
        _step(_RETURN, _ALLOW),
    ]
    return b"".join(program)


def _only_internet(socket: int) -> list[bytes]:
    """Of `socket`, allow only the named arguments; other calls come out at the end."""
    checks = []
    for place, (bits, allowed) in enumerate(_INTERNET_SOCKETS):
        checks += [_step(_LOAD, _FIRST_ARGUMENT_AT + place * _ARGUMENT_BYTES), _step(_AND, bits)]
        checks += [
            _step(_JUMP_EQUAL, value, if_true=len(allowed) - at) for at, value in enumerate(allowed)
        ]
        checks.append(_step(_RETURN, _ERRNO | errno.EPERM))
    checks.append(_step(_RETURN, _ALLOW))
    return [_step(_JUMP_EQUAL, socket, if_false=len(checks)), *checks]


def _deny(comparison: int, number: int, error: int) -> list[bytes]:
    return [_step(comparison, number, if_false=1), _step(_RETURN, _ERRNO | error)]


def _step(operation: int, operand: int, *, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", operation, if_true, if_false, operand)
