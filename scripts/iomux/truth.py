"""truth.py - checks that a server has made the calls that its trace shows.
strace(1) has recorded its system calls, and each line of the trace must have
its call.

A program can print any line, but it cannot change the record of strace, which
runs outside its box. Calls without a line are allowed. A check that counts
calls counts those that strace has recorded.
"""
from __future__ import annotations

import collections
import re

from .failure import Failed, shorten
from .message import unescape

NAMES = {"accept4": "accept", "recvfrom": "recv", "recvmsg": "recv",
         "read": "recv", "readv": "recv", "sendto": "send", "sendmsg": "send",
         "write": "send", "writev": "send", "ppoll": "poll",
         "pselect6": "select", "_newselect": "select",
         "epoll_pwait": "epoll_wait", "epoll_pwait2": "epoll_wait"}
WAITS = ("select", "poll", "epoll_wait")
CALL = re.compile(r"([0-9]+) +(\w+)\((.*)\) += (-?[0-9]+)(?: (E[A-Z0-9]+))?.*")
BEGIN = re.compile(r"([0-9]+) +(\w+\(.*) <unfinished \.\.\.>")
END = re.compile(r"([0-9]+) +<\.\.\. \w+ resumed>(.*)")
CHANGE = re.compile(r"EPOLL_CTL_([A-Z]+), ([0-9]+)")

Call = collections.namedtuple("Call", "tid name first text result error data")


def read_calls(lines, server):
    """Returns the calls of a server and of all that it has started, in the
    order of their results."""
    calls, begun, runs, others = [], {}, False, set()
    for line in lines:
        begin, end = BEGIN.match(line), END.match(line)
        if begin:
            begun[begin[1]] = begin[2]
        tid = int(line.split(None, 1)[0])
        runs |= tid == server
        if not runs:
            others.add(tid)  # of the box, for example
        if begin or tid in others:
            continue
        if end and end[1] in begun:
            line = f"{end[1]} {begun.pop(end[1])}{end[2]}"
        found = CALL.match(line)
        if found is None:
            continue
        first = re.match(r"[0-9]+", found[3])
        calls.append(Call(
            tid, NAMES.get(found[2], found[2]), int(first[0]) if first else -1,
            line, int(found[4]), found[5], data_of(found[3])))
    return calls


def data_of(arguments):
    """Returns the first bytes that strace shows of the data of a call. readv
    and recvmsg put them into several buffers."""
    data = b""
    before = "iov_base=" if "iov_base=" in arguments else ""
    for text, cut in re.findall(before + r'"((?:\\x[0-9a-f]{2})*)"(\.*)',
                                arguments):
        data += bytes.fromhex(text.replace("\\x", ""))
        if cut or not before:
            break
    return data


def by_descriptor(calls):
    """Returns the calls that a trace shows, of each descriptor."""
    found = collections.defaultdict(collections.deque)
    for call in calls:
        if call.name == "accept" and call.result >= 0:
            found[call.result].append(call)
        elif call.name in ("recv", "send", "close") and (
                "MSG_PEEK" not in call.text):
            found[call.first].append(call)
    return found


def stands_for(event, call):
    """Can this line be about this call?"""
    if event.kind in ("accept", "close"):
        return call.name == event.kind and call.result >= 0
    if event.kind == "send":
        return call.name == "send" and call.result == event.bytes
    if call.name != "recv":
        return False
    if event.kind == "eof":
        return call.result == 0
    text, left = unescape(event.msg)
    return (call.result == event.bytes == len(text) + left and
            call.data.startswith(text.encode("latin-1")))


def writable(call):
    """Returns how many descriptors a wait may have reported as writable."""
    return call.text.count("POLLOUT") + sum(
        len(words.split()) for words in re.findall(r"out \[([^]]*)\]",
                                                   call.text))


def untrue(trace, calls):
    """Returns the first line of a trace that has no call, or None."""
    waiting, told = by_descriptor(calls), 0
    woken = sum(writable(call) for call in calls if call.name in WAITS)
    changes = collections.Counter(
        CHANGE.search(call.text).groups() for call in calls
        if call.name == "epoll_ctl" and CHANGE.search(call.text))
    for event in trace.events:
        if not event.of_server:
            continue
        if event.kind == "ready" and "OUT" in (event.events or "").split("|"):
            told += 1
            if told > woken:
                return event
        if event.kind == "ctl":
            changes[event.op, str(event.fd)] -= 1
            if changes[event.op, str(event.fd)] < 0:
                return event
        if event.kind not in ("accept", "recv", "eof", "send", "close") or (
                event.fd is None):
            continue
        mine = waiting[event.fd]
        while mine and not stands_for(event, mine[0]):
            mine.popleft()
        if not mine:
            return event
        mine.popleft()
    return None


def check(trace, calls):
    """Raises Failed if a line of the trace has no call."""
    event = untrue(trace, calls)
    if event is not None:
        rows = [("GOOD", e.text) for e in trace.events if e.line < event.line]
        raise Failed("each line of the trace has its system call",
                     f"strace shows none for line {event.line} of the trace",
                     rows=rows[-5:] + [("BAD", event.text)])


def count(word, calls):
    """Returns how often the server has made calls: "wakes", "ctl", "recv" or
    "EAGAIN", as compare.counts() counts them in a trace."""
    clients = {call.result for call in calls if call.name == "accept"}
    if word == "wakes":
        return sum(call.name in WAITS and call.result >= 0 for call in calls)
    if word == "ctl":
        return sum(call.name == "epoll_ctl" for call in calls)
    if word == "recv":
        return sum(call.name == "recv" and call.first in clients and
                   "MSG_PEEK" not in call.text for call in calls)
    return sum(call.error == "EAGAIN" for call in calls
               if call.name in ("accept", "recv", "send", *WAITS))


def check_descriptors(calls):
    """Raises Failed if a call used a descriptor that was closed."""
    for call in calls:
        if call.error == "EBADF":
            raise Failed("no system call on a descriptor that is closed",
                         shorten(re.sub(" +", " ", call.text)))
