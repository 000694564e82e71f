#!/usr/bin/env python3
"""An echo server with a fault, for the load generator to find.

usage: faulty.py FAULT PATH

Faults, each in the fifth message:
  none     an honest server, as a student may write it
  corrupt  its first byte is changed
  lose     one byte is lost at the end of the message
  double   one byte more than there was
  swap     it goes to the client that came before
  hang-up  the connection is closed
  crash    the server ends
and silent: nothing is echoed at all.
"""
import os
import selectors
import socket
import sys

fault, path = sys.argv[1:]
listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
listener.listen(128)
print(f"ready: {path}", flush=True)
selector = selectors.DefaultSelector()
selector.register(listener, selectors.EVENT_READ)
clients, counts = [], {}
while True:
    for key, _ in selector.select():
        if key.fileobj is listener:
            clients.append(listener.accept()[0])
            selector.register(clients[-1], selectors.EVENT_READ)
            continue
        client = key.fileobj
        data = client.recv(65536)
        if not data:
            selector.unregister(client)
            clients.remove(client)
            client.close()
            continue
        counts[client] = counts.get(client, 0) + 1
        now = counts[client] == 5
        if fault == "silent":
            continue
        if fault == "corrupt" and now:
            data = bytes([data[0] ^ 1]) + data[1:]
        if fault == "lose" and now:
            data = data[:-1]
        if fault == "double" and now:
            data += data[-1:]
        if fault == "crash" and now:
            os._exit(3)
        if fault == "hang-up" and now:
            client.shutdown(socket.SHUT_RDWR)
            continue
        if fault == "swap" and now:
            client = clients[clients.index(client) - 1]
        client.sendall(data)
