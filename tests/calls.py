#!/usr/bin/env python3
"""calls.py - count what a stage's server asks of the kernel.

    calls.py message STAGE...   system calls for a message, by strace
    calls.py summary STAGE...   the program's own counts beside strace's
    calls.py memory STAGE...    bytes of memory for an idle client
    calls.py allowed            may strace trace here? The reason, if not

Each line begins with its stage. The numbers are exact: strace(1) writes down each call of each thread, and
one client asks, waits for the echo, and asks again.
"""
import collections
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import peer  # noqa: E402

# One name for a call whatever the machine: arm64 has no poll and no select.
NAMES = {"accept4": "accept", "recvfrom": "recv", "sendto": "send",
         "ppoll": "poll", "pselect6": "select", "_newselect": "select",
         "epoll_pwait": "epoll_wait"}
WARM, COUNTED = 10, 100  # messages
CLIENTS, MESSAGES = 2, 10  # of the run for the summary
IDLE = 5000


def strace(log):
    """The words before a command to trace. With -D the command keeps its
    place as our child, so that signals and statuses are its own."""
    return ["strace", "-D", "-f", "-q", "-o", log]


def why_not():
    """Why strace cannot be used here; None if it can."""
    if shutil.which("strace") is None:
        return "there is no strace (scripts/setup installs it)"
    with tempfile.TemporaryDirectory() as directory:
        log = os.path.join(directory, "log")
        run = subprocess.run([*strace(log), "true"], stderr=subprocess.PIPE,
                             text=True, timeout=peer.LIMIT, check=False)
        if run.returncode != 0 or run.stderr:
            return f"strace may not trace here: {run.stderr.strip()}"
    return None


def written(log):
    """What strace has written down so far."""
    with open(log, encoding="utf-8", errors="replace") as file:
        return file.read()


def traced(log, pid):
    """The calls that strace has written down: tuples of the thread, the
    call's name, its first argument and its result, in order of their begin.
    A call that another thread interrupts takes two lines. A call that the
    kernel restarts, because another thread has taken the signal, is one call
    of the program but two of strace; the first is left out."""
    def whole():
        text = written(log)
        return re.search(rf"^{pid} +\+\+\+ exited", text, re.M) and text
    peer.until(whole, "strace did not write down the end of the server")

    calls, unfinished, interrupted = [], {}, {}
    for line in whole().splitlines():
        tid, _, event = line.partition(" ")
        event = event.lstrip()
        begin = re.match(r"(\w+)\(([^,)]*)", event)
        end = re.search(r"\) += (-?\d+)", event)
        result = int(end[1]) if end else None
        if event.startswith("--- SIG"):
            interrupted.pop(tid, None)  # it fails with EINTR
        if begin:
            if tid in interrupted:
                calls[interrupted.pop(tid)] = None
            name = NAMES.get(begin[1], begin[1])
            argument = begin[2].split()[0] if begin[2].split() else ""
            if event.endswith("<unfinished ...>"):
                unfinished[tid] = len(calls)
            calls.append((int(tid), name, argument, result))
            index = len(calls) - 1
        elif event.startswith("<... ") and tid in unfinished:
            index = unfinished.pop(tid)
            calls[index] = (*calls[index][:3], result)
        else:
            continue
        if "= ? ERESTART" in event:
            interrupted[tid] = index
    return [call for call in calls if call is not None]


def message(stage, log):
    """Print the calls for one message: of all that the thread which serves
    the client makes between the sending of message 10 and that of message
    110, a hundredth."""
    # Of several workers some may be on their way to their first wait.
    one = ["--workers", "1"] if stage == "09-epoll-pool" else []
    with peer.Server(stage, "-q", *one, wrapper=strace(log)) as server:
        client = server.connect()
        for _ in range(WARM + COUNTED):
            if not peer.echo(client, 64):
                raise peer.Problem(f"{stage} hangs up")
        client.close()
    calls = traced(log, server.pid)
    servers = {tid for tid, name, _, _ in calls if name == "send"}
    counts, sent = collections.Counter(), 0
    for tid, name, _, _ in calls:
        if tid not in servers:
            continue
        if WARM <= sent < WARM + COUNTED:
            counts[name] += 1
        sent += name == "send"
    for name, count in sorted(counts.items()):
        print(f"{stage} {name} {count / COUNTED:g}")


def printed(text):
    """The counts that the summary prints."""
    line = re.search(r"^  calls +(.*)$", text, re.M)
    if not line:
        raise peer.Problem("there is no summary")
    words = (part.split() for part in line[1].split(", "))
    return {name: int(count) for name, count in words}


def counted(calls, threads):
    """The same, from strace: close is that of a client, by its number."""
    counts, open_clients = collections.Counter(), set()
    for tid, name, argument, result in calls:
        if tid not in threads:
            continue
        if name == "accept" and result is not None and result >= 0:
            open_clients.add(str(result))
        if name == "close":
            if argument not in open_clients:
                continue
            open_clients.remove(argument)
        counts[name] += 1
    return counts


def compare(what, text, json_file, log, pid):
    """Print what differs between the summaries and strace, if anything."""
    in_text = printed(text)
    with open(json_file, encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    in_json = lines[-1]["args"]
    threads = {line["tid"] for line in lines if line["ph"] == "M" and
               line["args"]["name"].split()[0] in
               ("server", "thread", "worker")}
    by_strace = counted(traced(log, pid), threads)
    expected = {"accept", "recv", "send", "close"}
    expected |= {"select", "poll", "epoll_wait", "epoll_ctl"} & set(by_strace)
    expected |= set(in_text)
    if "io_uring_enter" in by_strace:  # it has no other call for a client
        expected = {"io_uring_enter"}
    for name in sorted(expected):
        numbers = [from_.get(name, "none")
                   for from_ in (by_strace, in_text, in_json)]
        print("{} {}: strace {}, text {}, JSON {}{}".format(
            what, name, *numbers,
            "" if len(set(numbers)) == 1 else "  <-- differ"))


def summary(stage, log):
    """Compare the counts of two runs with strace's: of a server alone, with
    clients that take turns, and of a program with clients of its own."""
    directory = os.path.dirname(log)
    trace = os.path.join(directory, "json")
    with peer.Server(stage, "-j", trace, wrapper=strace(log)) as server:
        for _ in range(CLIENTS):
            client = server.connect()
            for _ in range(MESSAGES):
                if not peer.echo(client, 64):
                    raise peer.Problem(f"{stage} hangs up")
            client.close()
        server.stop()
        compare(f"{stage} --serve", server.text(), trace, log, server.pid)

    command = [*strace(log), peer.program(stage), "-c", str(CLIENTS),
               "-m", str(MESSAGES), "-i", "0", "-j", trace]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE) as process:
        try:
            text, _ = process.communicate(timeout=peer.LIMIT)
        except BaseException:
            process.kill()
            raise
    if process.returncode != 0:
        raise peer.Problem(f"{stage} ended with {process.returncode}")
    compare(f"{stage} -c 2 -m 10", text, trace, log, process.pid)


def memory(stage):
    """Print the bytes of its own memory that the server has written to for
    each of 5,000 idle clients, all of whom have had an echo."""
    peer.allow_descriptors(IDLE + 100)
    with peer.Server(stage, "-q") as server:
        clients = []
        server.fill(clients, 1)
        before = server.memory()
        server.fill(clients, 1 + IDLE)
        if len(clients) != 1 + IDLE:
            raise peer.Problem(f"{stage} takes only {len(clients)} clients")
        print(stage, (server.memory() - before) // IDLE)
        for client in clients:
            client.close()


def main():
    command, *stages = sys.argv[1:]
    if command == "allowed":
        print(why_not() or "", end="")
    status = 0
    for stage in stages:
        try:
            if command == "memory":
                memory(stage)
                continue
            with tempfile.TemporaryDirectory() as directory:
                log = os.path.join(directory, "log")
                {"message": message, "summary": summary}[command](stage, log)
        except (peer.Problem, subprocess.TimeoutExpired) as error:
            print(f"calls.py: {error}", file=sys.stderr)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
