#!/usr/bin/env -S python3 -IB
"""callback_loop.py - the echo server of a well-known text about event loops with
callbacks, in our words. It receives as soon as it has accepted, and the claims
callback-* show what happens then. Do not copy it: stage 10 is a correct loop.

usage: callback_loop.py [own|tornado]

It listens on a free port of 127.0.0.1, and prints the port. The loop is Loop,
below, or that of tornado.
"""
import select
import socket
import sys
import traceback


class Loop:
    """Calls a handler when its descriptor is ready. A handler that fails is
    reported, and the loop continues, as in tornado."""
    READ = select.EPOLLIN

    def __init__(self):
        self.epoll = select.epoll()
        self.handlers = {}

    def add_handler(self, fd, handler, events):
        self.handlers[fd] = handler
        self.epoll.register(fd, events)

    def start(self):
        while True:
            for fd, events in self.epoll.poll():
                try:
                    self.handlers[fd](fd, events)
                except OSError:
                    traceback.print_exc()


def new_loop(kind):
    if kind == "own":
        return Loop()
    try:
        import tornado.ioloop
    except ImportError:
        sys.exit("tornado is not installed")
    return tornado.ioloop.IOLoop()


def handle_client(client):
    message = client.recv(1024)  # nothing may have arrived yet
    client.send(message)


def accept_clients(listener):
    while True:
        try:
            client, _ = listener.accept()
        except BlockingIOError:
            return
        client.setblocking(False)
        handle_client(client)


def main(kind="own"):
    loop = new_loop(kind)
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    loop.add_handler(listener.fileno(),
                     lambda fd, events: accept_clients(listener), loop.READ)
    print("port", listener.getsockname()[1], flush=True)
    loop.start()


if __name__ == "__main__":
    main(*sys.argv[1:])
