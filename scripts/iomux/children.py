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


def of(pid):
    """Returns all descendants of a process, zombies included. Source: proc(5),
    /proc/pid/task/tid/children."""
    found, waiting = [], [pid]
    while waiting:
        each = waiting.pop()
        with contextlib.suppress(OSError):
            for thread in os.listdir(f"/proc/{each}/task"):
                with open(f"/proc/{each}/task/{thread}/children",
                          encoding="ascii") as file:
                    waiting += [int(word) for word in file.read().split()]
        found.append(each)
    return found[1:]


def end_all():
    """Kills the descendants of this process until none is left, or only those of
    another user."""
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
