#!/usr/bin/env python3
"""uring.py - crowds of clients for stage 12.

    tests/uring.py idle PROGRAM         19,000 idle clients
    tests/uring.py never-reads PROGRAM  one never reads, beside 100 that do
    tests/uring.py killed PROGRAM       killed, and started again at once

Exit status: 0 good, 1 bad, 77 skipped. The reason is printed.
"""
import contextlib
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import peer  # noqa: E402

IDLE, READERS, MESSAGES, STARTS = 19000, 100, 20, 20
SKIPPED = 77


def must(true, what):
    if not true:
        raise peer.Problem(what)


def idle(stage):
    """The first and the last of 19,000 clients get echoes, and the server
    sleeps in between."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < IDLE + 100:
        print(f"{IDLE + 100} descriptors are needed, and {hard} are allowed")
        return SKIPPED
    peer.allow_descriptors(IDLE + 100)
    with peer.Server(stage, "-q") as server:
        clients = []
        server.fill(clients, IDLE)
        must(len(clients) == IDLE, f"only {len(clients)} clients")
        for client in clients[0], clients[-1]:
            must(peer.echo(client, 5000), "no echo among idle clients")
        peer.until(server.asleep, "the server does not sleep")
        for client in clients:
            client.close()
    return 0


def never_reads(stage):
    """A client that sends and never reads holds one buffer."""
    with peer.Server(stage, "-q") as server:
        readers = [server.connect() for _ in range(READERS)]
        must(all(peer.echo(client, 64) for client in readers), "no echo")
        stalled = server.connect()
        must(peer.echo(stalled, 64), "no echo")
        before, sent = server.memory(), 0
        stalled.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                sent += stalled.send(bytes(65536))
                peer.until(server.asleep, "the server does not sleep")
        for size in range(1, MESSAGES + 1):
            for client in readers:
                must(peer.echo(client, size), f"no echo of {size} bytes")
        held = server.memory() - before
        must(held <= 16384, f"{held} bytes more are held for it")
        peer.until(server.asleep, "the server does not sleep")
        # It reads after all, and gets every byte.
        stalled.settimeout(peer.LIMIT)
        left = sent
        while left > 0:
            piece = stalled.recv(min(left, 65536))
            must(piece and not any(piece), f"{left} bytes are missing")
            left -= len(piece)
        for client in (stalled, *readers):
            client.close()
    return 0


def killed(stage):
    """The kernel removes the rings of a killed server after its end."""
    with tempfile.TemporaryDirectory() as directory:
        for path in os.path.join(directory, "socket"), f"@iomux-{os.getpid()}":
            address = path.replace("@", "\0")
            for start in range(STARTS):
                server = subprocess.Popen(
                    [peer.program(stage), "--serve", "-q", "-s", path],
                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE)
                ready = server.stdout.readline().startswith(b"ready: ")
                with socket.socket(socket.AF_UNIX) as client:
                    if ready:
                        client.connect(address)
                        client.settimeout(peer.LIMIT)
                        must(peer.echo(client, 64), "no echo")
                    server.send_signal(signal.SIGKILL)
                    _, errors = server.communicate(timeout=peer.LIMIT)
                must(ready, f"start {start} on {path}: {errors.decode()}")
    return 0


def main(name, program):
    test = {"idle": idle, "never-reads": never_reads, "killed": killed}[name]
    peer.BUILD, stage = os.path.split(os.path.abspath(program))
    try:
        return test(stage)
    except (peer.Problem, OSError, subprocess.TimeoutExpired) as problem:
        print(f"{name}: {problem}")
        return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
