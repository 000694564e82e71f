#!/usr/bin/env -S python3 -IB
"""http_server.py - the HTTP server of a well-known text about epoll, in our
words. It has the bugs of that server, and the claims http-* show them. Do not
copy it: stage 11 is a correct server.

usage: http_server.py [PORT [BYTES]]

It listens on 127.0.0.1, on a free port if PORT is 0 or missing, and prints the
port. Each reply has a body of BYTES bytes (default 13).
"""
import select
import socket
import sys

ENDS = (b"\r\n\r\n", b"\n\n")


class Server:
    def __init__(self, port, size):
        self.listener = socket.create_server(("127.0.0.1", port))
        self.listener.setblocking(False)
        self.epoll = select.epoll()
        self.epoll.register(self.listener.fileno(), select.EPOLLIN)
        self.reply = (b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n"
                      b"Content-Length: %d\r\n\r\n" % size + size * b"x")
        self.clients = {}   # descriptor -> socket
        self.received = {}  # descriptor -> bytes of the request
        self.unsent = {}    # descriptor -> bytes of the reply

    def accept(self):
        client, _ = self.listener.accept()
        client.setblocking(False)
        fd = client.fileno()
        self.epoll.register(fd, select.EPOLLIN)
        self.clients[fd] = client
        self.received[fd] = b""
        self.unsent[fd] = self.reply

    def receive(self, fd):
        self.received[fd] += self.clients[fd].recv(1024)  # may be b"", or fail
        if any(end in self.received[fd] for end in ENDS):
            self.epoll.modify(fd, select.EPOLLOUT)  # one request, no more
            print(self.received[fd].decode())  # may not be UTF-8

    def send(self, fd):
        sent = self.clients[fd].send(self.unsent[fd])  # may fail
        self.unsent[fd] = self.unsent[fd][sent:]
        if not self.unsent[fd]:
            self.epoll.modify(fd, 0)
            self.clients[fd].shutdown(socket.SHUT_RDWR)  # may fail

    def close(self, fd):
        self.epoll.unregister(fd)
        self.clients.pop(fd).close()

    def serve(self):
        while True:
            for fd, events in self.epoll.poll(1):
                if fd == self.listener.fileno():
                    self.accept()
                elif events & select.EPOLLIN:
                    self.receive(fd)
                elif events & select.EPOLLOUT:
                    self.send(fd)
                elif events & select.EPOLLHUP:
                    self.close(fd)


def main(port="0", size="13"):
    server = Server(int(port), int(size))
    print("port", server.listener.getsockname()[1], flush=True)
    server.serve()


if __name__ == "__main__":
    main(*sys.argv[1:])
