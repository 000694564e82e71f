"""hazards.py - a server with a second listening socket: --tcp PORT."""
import contextlib
import errno
import os
import random
import re
import signal
import socket
import subprocess

from hazard import (LIMIT, Bad, Client, Server, check, compare, hazard,
                    is_refused, sentence, wait_for_descriptors)

ADDRESS = "127.0.0.1"


def free_port():
    """A port that no client is given by the kernel."""
    while True:
        port = random.SystemRandom().randrange(10000, 32768)
        with socket.socket() as any_socket, contextlib.suppress(OSError):
            any_socket.bind((ADDRESS, port))
            return port


class TcpClient(Client):
    """A connection over TCP."""

    def __init__(self, server, port):
        self.socket = socket.socket()
        self.socket.settimeout(LIMIT)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        server.clients.append(self)
        try:
            self.socket.connect((ADDRESS, port))
        except OSError as error:
            raise Bad(f"a connection to {ADDRESS}:{port}",
                      sentence(error)) from None


def listening_descriptor(server, port):
    """The server's descriptor that listens on the port, or None."""
    with open("/proc/net/tcp") as table:
        rows = [line.split() for line in table][1:]
    inodes = {row[9] for row in rows
              if row[3] == "0A" and row[1].endswith(f":{port:04X}")}
    for fd in server.descriptors():
        with contextlib.suppress(OSError):
            link = os.readlink(f"/proc/{server.pid}/fd/{fd}")
            if link.startswith("socket:") and link[8:-1] in inodes:
                return fd
    return None


@hazard
def both_families(stage):
    """The server echoes to clients of both listening sockets."""
    port = free_port()
    with stage.serve("--tcp", str(port)) as server:
        for _ in range(3):
            local, remote = Client(server), TcpClient(server, port)
            for i in range(5):
                local.say(b"to the path %d" % i)
                remote.say(b"to the port %d" % i)
        server.wait_calm("between two messages")


@hazard
def both_at_once(stage):
    """One wait reports both listening sockets, and the server accepts twice."""
    port = free_port()
    with stage.serve("--tcp", str(port)) as server:
        for _ in range(3):
            server.stop()
            clients = [TcpClient(server, port), Client(server),
                       TcpClient(server, port), Client(server)]
            server.resume()
            for client in clients:
                client.say()


@hazard
def this_machine_only(stage):
    """The port is open at 127.0.0.1, and at no other address."""
    port = free_port()
    with stage.serve("--tcp", str(port)) as server:
        TcpClient(server, port).say()
        with socket.socket() as client:
            result = client.connect_ex(("127.0.0.2", port))
        check(result == errno.ECONNREFUSED, f"ECONNREFUSED at 127.0.0.2:{port}",
              "a connection" if result == 0 else os.strerror(result))


@hazard
def tcp_hint(stage):
    """The listening socket for TCP does not block either."""
    port = free_port()
    with stage.serve("--tcp", str(port)) as server:
        TcpClient(server, port).say()
        fd = listening_descriptor(server, port)
        check(fd is not None, f"a socket that listens on port {port}", "none")
        with open(f"/proc/{server.pid}/fdinfo/{fd}") as info:
            flags = int(re.search(r"flags:\s*([0-7]+)", info.read())[1], 8)
        check(flags & os.O_NONBLOCK, f"O_NONBLOCK of fd {fd}, which listens on "
              "the port", "a listening socket that blocks")


@hazard
def port_again(stage):
    """A server that ends leaves its port to the next one."""
    port = free_port()
    for _ in range(2):
        server = Server(stage, "--tcp", str(port))
        server.wait_ready()
        try:
            client = TcpClient(server, port)
        except Bad as bad:
            raise Bad(f"a server that listens on port {port} again",
                      server.errors().strip() or bad.came) from None
        client.say()
        # The server closes first, so its side keeps the port for a minute.
        server.end()
        compare(b"", client.read_to_end(), "the end")
        server.clients.clear()


@hazard
def port_in_use(stage):
    """If the port is in use, the program ends with a message."""
    with socket.socket() as other:
        # With this option at both sockets, two servers would share the port.
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind((ADDRESS, 0))
        other.listen()
        try:
            result = stage.run("--serve", "-q", "-s", "other.sock", "--tcp",
                               str(other.getsockname()[1]))
        except subprocess.TimeoutExpired:
            raise Bad("status 1 and EADDRINUSE", "a server that goes on, although "
                      "another one listens on its port") from None
    check(result.returncode == 1 and "EADDRINUSE" in result.stderr,
          "status 1 and EADDRINUSE",
          f"status {result.returncode}, {result.stderr.strip()}")


@hazard
def tcp_descriptors(stage):
    """Without a descriptor, TCP clients are refused, and the server sleeps."""
    port = free_port()
    with stage.serve("--tcp", str(port), limit=24) as server:
        before = len(server.descriptors())
        clients = [TcpClient(server, port) for _ in range(40)]
        for client in clients:
            client.send_what_fits(b"1")
        served = [client for client in clients if not is_refused(client)]
        check(0 < len(served) < 24, "echoes for the first clients, and the end "
              "for the others", f"{len(served)} clients with an echo")
        for client in served:
            client.say(b"while descriptors are short")
        server.wait_calm("while no descriptor is left")
        server.leave()
        wait_for_descriptors(server, before)


@hazard
def end_with_both(stage):
    """SIGTERM ends a server with clients of both families."""
    port = free_port()
    server = Server(stage, "--tcp", str(port))
    server.wait_ready()
    clients = [Client(server), TcpClient(server, port)]
    for client in clients:
        client.say()
    server.end(signal.SIGTERM)
    for client in clients:
        compare(b"", client.read_to_end(), "the end")
    server.clients.clear()
