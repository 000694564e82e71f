"""descriptors.py - does a server use a descriptor that is closed?"""
import collections
import re
import shutil

from .failure import Failed, Skipped, shorten


def check(case, argv):
    """Plays a scenario under strace(1). The thread of the player is not the
    student's: it has a table of descriptors of its own, which it empties."""
    if shutil.which("strace") is None:
        raise Skipped("there is no strace: run scripts/setup test")
    ran = case.runner.run(["strace", "-f", "-qq", "-e", "signal=none", "-o",
                           "/dev/stderr", argv[0], "-q", *argv[1:]],
                          limit=30, program=argv[0])
    lines = ran.errors.decode("latin-1").splitlines()
    calls = collections.defaultdict(list)
    for line in lines:
        found = re.match(r"([0-9]+) +((?:<\.\.\. )?\w+(?:\(| resumed).*)", line)
        if found:
            calls[found[1]].append(found[2])
    if not calls:
        raise Skipped("strace cannot trace a process here")
    if not any(re.match("accept4?\\(|io_uring_enter\\(", call)
               for said in calls.values() for call in said):
        raise Failed("a server that accepts connections under strace",
                     ran.ending)
    for said in calls.values():
        if any(call.startswith("unshare(") for call in said):
            continue
        bad = next((call for call in said if " = -1 EBADF" in call), None)
        if bad:
            raise Failed("no system call on a descriptor that is closed",
                         shorten(re.sub(" +", " ", bad)))
