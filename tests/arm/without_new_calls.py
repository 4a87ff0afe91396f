"""Runs a command for which Linux lacks the system calls that proot 5.1 does not know: `without_new_calls.py proot …`.

It would let them pass with their paths untouched, so that `ls -l` and `[ -x FILE ]` on the emulated board spoke of this
machine. As it is on older kernels, programs then take the calls that these replaced.
"""

import ctypes
import errno
import os
import platform
import struct
import sys

# Their numbers on x86-64.
HIDDEN = {"statx": 332, "openat2": 437, "faccessat2": 439}

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
ALLOW, FAIL = 0x7FFF0000, 0x00050000
LOAD_WORD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06


def hide(numbers: list[int]) -> None:
    """Have the system calls of these numbers fail with ENOSYS, here and in all that is started from here."""
    # struct seccomp_data begins with the call's number.
    program = [(LOAD_WORD, 0, 0, 0)]
    for position, number in enumerate(numbers):
        program.append((JUMP_IF_EQUAL, len(numbers) - position, 0, number))
    program += [(RETURN, 0, 0, ALLOW), (RETURN, 0, 0, FAIL | errno.ENOSYS)]
    # struct sock_filter, then struct sock_fprog
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in program))
    pointer = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(program), ctypes.addressof(code)))
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    for arguments in ((PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, pointer, 0, 0)):
        if prctl(*arguments):
            sys.exit(f"error: no seccomp filter: {os.strerror(ctypes.get_errno())}")


if __name__ == "__main__":
    if platform.machine() != "x86_64":
        sys.exit("error: the numbers of system calls are known for x86-64 only")
    hide(list(HIDDEN.values()))
    os.execvp(sys.argv[1], sys.argv[1:])
