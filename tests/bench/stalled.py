#!/usr/bin/env python3
"""Check that clients that do not read cannot stop an echo server.

usage: stalled.py PATH [STALLED [TALKING]]

STALLED clients (300) send as much as the server at PATH takes, and read
nothing. Then TALKING other clients (20) each have five messages echoed. At
last the first ones read, and get every byte back in order. A client that ends
before the server accepts it gets its bytes, too.

The last line is what the server keeps of its own for a stalled client. The
exit status is 1 if an echo is missing or wrong, or if a stalled client could
send MOST bytes, because the server holds them all.
"""
import os
import random
import signal
import socket
import struct
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
import peer  # noqa: E402  (found by the line above)

MOST = 1 << 20
PATTERN = random.Random(13).randbytes(MOST + 4096)


class Running(peer.Server):
    """A server that runs already. Its socket names its process."""

    def __init__(self, path):
        self.stage, self.path = os.path.basename(path), path
        with self.connect() as client:
            self.pid, _, _ = struct.unpack("3i", client.getsockopt(
                socket.SOL_SOCKET, socket.SO_PEERCRED, 12))

    def state(self):
        with open(f"/proc/{self.pid}/stat", encoding="ascii",
                  errors="replace") as file:
            return file.read().rpartition(") ")[2][0]


class Stalled:
    """A client that sends, and reads only at the end."""

    def __init__(self, server, number):
        self.socket, self.sent = server.connect(), 0
        self.begin = number  # of its bytes in the pattern

    def flood(self):
        """Sends what the server takes now. Returns the number of bytes."""
        before = self.sent
        try:
            while self.sent < MOST:
                begin = self.begin + self.sent
                self.sent += self.socket.send(
                    PATTERN[begin:min(begin + 65536, self.begin + MOST)],
                    socket.MSG_DONTWAIT)
        except BlockingIOError:
            pass
        return self.sent - before

    def read_all(self):
        """Ends, and reads to the end of file."""
        self.socket.shutdown(socket.SHUT_WR)
        self.compare()

    def compare(self):
        back = bytearray()
        try:
            while more := self.socket.recv(1 << 20):
                back += more
        except BlockingIOError:
            raise peer.Problem(f"after {len(back)} of {self.sent} bytes, a "
                               "client waits for an end of file") from None
        if back != PATTERN[self.begin:self.begin + self.sent]:
            raise peer.Problem(f"of {self.sent} bytes of a stalled client, "
                               f"{len(back)} came back, or not the same")
        self.socket.close()


def settle(server, clients):
    """Floods until the server sleeps and no client can send."""
    def quiet():
        asleep = server.asleep()
        return sum(client.flood() for client in clients) == 0 and asleep
    peer.until(quiet, "the server takes bytes without end")


def end_early(server):
    """A client sends and ends while the server is stopped."""
    os.kill(server.pid, signal.SIGSTOP)
    try:
        peer.until(lambda: server.state() == "T", "the server did not stop")
        client = Stalled(server, 0)
        client.sent = client.socket.send(PATTERN[:100])
        client.socket.shutdown(socket.SHUT_WR)
    finally:
        os.kill(server.pid, signal.SIGCONT)
    client.compare()


def check(path, stalled, talking):
    peer.allow_descriptors(stalled + talking + 64)
    server = Running(path)
    end_early(server)
    before = server.memory()
    clients = [Stalled(server, number) for number in range(stalled)]
    settle(server, clients)
    kept = (server.memory() - before) / stalled / 1024
    for client in clients:
        if client.sent >= MOST:
            raise peer.Problem(f"a client that reads nothing sent {MOST} "
                               "bytes: there is no backpressure")
    others = [server.connect() for _ in range(talking)]
    for turn in range(5):
        for number, other in enumerate(others):
            if not peer.echo(other, 100):
                raise peer.Problem(f"client {number + 1} of {talking} was "
                                   f"closed at message {turn + 1}")
    for client in clients:
        client.read_all()
    for other in others:
        if not peer.echo(other, 100):
            raise peer.Problem("a client was closed at the end")
    print(f"{stalled} stalled clients, {kept:.1f} KiB each")


def main(path, stalled=300, talking=20):
    try:
        check(path, int(stalled), int(talking))
    except (peer.Problem, OSError) as problem:
        sys.exit(f"stalled: {problem}")


if __name__ == "__main__":
    main(*sys.argv[1:])
