"""children.py - ends every process that this one has started, and theirs."""
import contextlib
import ctypes
import os
import signal
import time

from .environment import time_limit

PR_SET_CHILD_SUBREAPER = 36
LIMIT = 5  # seconds in which all must have ended
LOOK = 0.01  # seconds between two looks


def adopt():
    """From now on, this process becomes the parent of each process below it
    whose own parent ends: see prctl(2). So end_all() finds a daemon, too."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def of(parent):
    """Returns the children of a process, zombies included."""
    found = []
    for name in os.listdir("/proc"):
        with contextlib.suppress(OSError):
            if name.isdigit():
                with open(f"/proc/{name}/stat", encoding="latin-1") as file:
                    fields = file.read().rpartition(") ")[2].split()
                if int(fields[1]) == parent:
                    found.append(int(name))
    return found


def end_all():
    """Kills the children, then the children that they leave, and so on, until
    none is left, or only those of another user."""
    end = time.monotonic() + time_limit(LIMIT)
    while time.monotonic() < end:
        children = of(os.getpid())
        if not children:
            return
        for child in children:
            with contextlib.suppress(OSError):
                os.kill(child, signal.SIGKILL)
        for child in children:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(child, os.WNOHANG)
        time.sleep(LOOK)
