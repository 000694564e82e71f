#!/usr/bin/env python3
"""Connect three clients to a server and keep them: one says nothing, one gets
an echo if the server has time for it, one sends and never reads. Say
"connected" when all of that has been done; end when the server does."""

import select
import socket
import sys


def connect(path):
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.connect(path)
    return client


def main(path):
    talker = connect(path)
    talker.sendall(b"hello")
    assert talker.recv(5) == b"hello"

    connect_silent = connect(path)
    stalled = connect(path)
    stalled.setblocking(False)
    while select.select([], [stalled], [], 0.5)[1]:
        try:
            stalled.send(bytes(65536))
        except BlockingIOError:
            break
    print("connected", flush=True)
    while connect_silent.recv(1):
        pass


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except ConnectionError:
        pass
