"""where.py - where does a process hang: in which call, and in which line?"""
import os
import re
import signal
import subprocess
import time

CALLS = {"x86_64": {0: "read", 1: "write", 7: "poll", 23: "select",
                    35: "nanosleep", 43: "accept", 44: "sendto",
                    45: "recvfrom", 202: "futex", 230: "clock_nanosleep",
                    232: "epoll_wait", 270: "pselect6", 271: "ppoll",
                    281: "epoll_pwait", 288: "accept4",
                    426: "io_uring_enter"},
         "aarch64": {63: "read", 64: "write", 72: "pselect6", 73: "ppoll",
                     98: "futex", 101: "nanosleep", 115: "clock_nanosleep",
                     202: "accept", 206: "sendto", 207: "recvfrom",
                     22: "epoll_pwait", 242: "accept4",
                     426: "io_uring_enter"}}
SHOWN = {"recvfrom": "recv", "sendto": "send", "epoll_pwait": "epoll_wait",
         "ppoll": "poll", "pselect6": "select"}
FOR_A_CLIENT = ("recv", "send", "read", "write")
THREADS = 16  # that are looked at
STACK = 16384  # bytes that are searched for addresses of the program
FRAMES = 40  # addresses that are looked up


def run_addr2line(argv):
    """Returns what the command prints."""
    try:
        return subprocess.run(argv, stdin=subprocess.DEVNULL, timeout=10,
                              capture_output=True, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return b""


def of_processes(pids, program=None, look_up=run_addr2line):
    """Returns where the first of these processes hangs that runs the program,
    a path, or None. Without a program, it is the first process of which this
    is known. look_up(argv) runs addr2line(1): a box does that inside, because
    the program is a student's."""
    for pid in pids:
        path = link_of(pid)
        if path is None or (program is not None and
                            path != os.path.realpath(program)):
            continue
        said = of_process(pid, path, look_up)
        if said is not None:
            return said
    return None


def members(leader):
    """Returns the processes of a group, the youngest first."""
    found = []
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and os.getpgid(int(name)) == leader:
                found.append(int(name))
        except OSError:
            pass
    return sorted(found, reverse=True)


def link_of(pid):
    try:
        return os.readlink(f"/proc/{pid}/exe")
    except OSError:
        return None


def of_process(pid, path, look_up):
    """Returns where a thread of the program hangs: one that runs, or else one
    that waits for a client, or else the main thread, which is the server of a
    stage. The calls of clients and players are not in a file of demos/."""
    found = []
    for tid in threads(pid)[:THREADS]:
        thread = f"{pid}/task/{tid}"
        if state_of(thread) == "R":
            said = spinning(pid, thread, path, look_up)
            if found == [] or "," in said:  # in a file of demos/
                return said
            continue
        call, line = call_of(thread, path, look_up)
        if call is not None and (line or not found):
            found.append((f"blocked in {call}" + (f", {line}" if line else ""),
                          call in FOR_A_CLIENT))
    return next((said for said, waits in found if waits),
                found[0][0] if found else None)


def threads(pid):
    try:
        return sorted(map(int, os.listdir(f"/proc/{pid}/task")))
    except OSError:
        return []


def call_of(thread, path, look_up):
    """Returns the system call in which a thread sleeps, and its line."""
    words = read(f"/proc/{thread}/syscall").split()
    if len(words) < 3 or not words[0].lstrip("-").isdigit():
        return None, None
    call = CALLS.get(os.uname().machine, {}).get(int(words[0]),
                                                 f"system call {words[0]}")
    return SHOWN.get(call, call), line_of(thread, path, int(words[-2], 16),
                                          None, look_up)


def spinning(pid, thread, path, look_up):
    """A stopped thread shows its registers, and a running one does not."""
    try:
        os.kill(pid, signal.SIGSTOP)
        for _ in range(200):
            if state_of(thread) != "R":
                break
            time.sleep(0.005)
    except OSError:
        return "spins"
    words = read(f"/proc/{thread}/syscall").split()
    if len(words) < 3:
        return "spins"
    line = line_of(thread, path, int(words[-2], 16), int(words[-1], 16),
                   look_up)
    return "spins" + (f", {line}" if line else "")


def state_of(pid):
    text = read(f"/proc/{pid}/stat")
    return text.rpartition(") ")[2][:1] or None


def read(path):
    try:
        with open(path, encoding="latin-1") as file:
            return file.read()
    except OSError:
        return ""


def line_of(pid, path, stack, counter, look_up):
    """Returns "06-epoll-lt.c:37" of the innermost function of demos/, or None.

    The words on the stack that are addresses of the program are return
    addresses, the innermost first. addr2line(1) knows their lines."""
    base, ranges = None, []
    for line in read(f"/proc/{pid}/maps").splitlines():
        found = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+ +(.*)",
                         line)
        if found is None or found[4] != path:
            continue
        low, high = int(found[1], 16), int(found[2], 16)
        base = low if base is None else base
        if "x" in found[3]:
            ranges.append((low, high))
    try:
        with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
            memory.seek(stack)
            data = memory.read(STACK)
    except (OSError, ValueError, OverflowError):
        data = b""
    words = [int.from_bytes(data[i:i + 8], "little")
             for i in range(0, len(data) - 7, 8)]
    found = [word - 1 for word in words
             if any(low < word <= high for low, high in ranges)]
    if counter is not None and any(low <= counter < high
                                   for low, high in ranges):
        found.insert(0, counter)
    return name_line(path, base or 0, found[:FRAMES], look_up)


def name_line(path, base, addresses, look_up):
    if not addresses:
        return None
    output = look_up(["addr2line", "-e", path] +
                     [hex(a - base) for a in addresses])
    for line in output.decode("latin-1").splitlines():
        found = re.match(r"(?:.*/)?(?:demos|model)/([^/]+:[1-9][0-9]*)", line)
        if found:
            return found[1]
    return None
