#!/usr/bin/env python3
"""refuse.py - run a program to which io_uring is refused.

usage: refuse.py ERROR COMMAND...

A seccomp filter lets io_uring_setup(2) fail with the errno value ERROR, EPERM
for example, as container runtimes do.
"""
import ctypes
import errno
import os
import platform
import struct
import sys

IO_URING_SETUP = 425  # on every architecture
NATIVE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
LOAD, JUMP_EQUAL, RETURN = 0x20, 0x15, 0x06  # of classic BPF
ALLOW, ERRNO = 0x7FFF0000, 0x00050000


class Program(ctypes.Structure):
    """struct sock_fprog"""
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


def main(error, *command):
    steps = [(LOAD, 0, 0, 4),  # the architecture
             (JUMP_EQUAL, 0, 3, NATIVE[platform.machine()]),
             (LOAD, 0, 0, 0),  # the number of the call
             (JUMP_EQUAL, 0, 1, IO_URING_SETUP),
             (RETURN, 0, 0, ERRNO | getattr(errno, error)),
             (RETURN, 0, 0, ALLOW)]
    code = b"".join(struct.pack("=HBBI", *step) for step in steps)
    libc = ctypes.CDLL(None, use_errno=True)
    program = Program(len(steps), code)
    if (libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 or
            libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER,
                       ctypes.byref(program), 0, 0) != 0):
        sys.exit(f"refuse.py: {os.strerror(ctypes.get_errno())}")
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(*sys.argv[1:])
