"""picture_data.py - what the pictures show, from the traces of stages."""
import dataclasses

from .program import Trouble
from .stages import find_scenario, find_stage, play

SCENARIO = "three"
QUARTER = 4  # a socket is writable while 1/4 of its send buffer is in use


@dataclasses.dataclass
class Client:
    """A connection. All but the descriptors are numbers of lines."""
    name: str
    own_fd: int  # the client's end
    connected: int
    accepted: int = 0
    fd: int = 0  # the server's end
    left: int = 0
    closed: int = 0
    sent: list = dataclasses.field(default_factory=list)
    echoed: list = dataclasses.field(default_factory=list)

    @property
    def label(self):
        return "client " + self.name[1:]


def trace_of(stage, scenario=SCENARIO):
    """Returns the events of a stage that plays a scenario."""
    return play(find_stage(stage), find_scenario(scenario)).events


def clients_of(events):
    """Returns the clients in the order in which they connect."""
    found = {}
    for event in events:
        name = event.about
        if event.of_client and event.kind == "connect":
            found[name] = Client(name, event.fd, event.line)
        elif name in found:
            client = found[name]
            if event.of_client and event.kind == "close":
                client.left = event.line
            elif event.of_client and event.kind == "send":
                client.sent.append(event.line)
            elif event.of_server and event.kind == "accept":
                client.accepted, client.fd = event.line, event.fd
            elif event.of_server and event.kind == "close":
                client.closed = event.line
            elif event.of_server and event.kind == "send":
                client.echoed.append(event.line)
    clients = list(found.values())
    if not clients or not all(c.accepted and c.left and c.closed
                              for c in clients):
        raise Trouble(f"in the scenario {SCENARIO} every client must be "
                      "accepted and closed")
    return clients


def listener_of(events):
    return next(event.fd for event in events if event.kind == "listen")


def words(names):
    """Returns "client 1", or "clients 2 and 3"."""
    numbers = [name[1:] for name in names]
    if len(numbers) == 1:
        return f"client {numbers[0]}"
    return f"clients {', '.join(numbers[:-1])} and {numbers[-1]}"


def ready_for(stage):
    """Returns the listening socket, the clients, the events that epoll_ctl
    has added, and what the wait reports after client 2 has sent."""
    events = trace_of(stage)
    clients = clients_of(events)
    sent = clients[1].sent[0]
    end = next(e.line for e in events
               if e.line > sent and e.of_server and e.kind == "recv")
    ready = [e.fd for e in events if sent < e.line < end and e.kind == "ready"]
    added = [e.fd for e in events if e.line < sent and e.kind == "ctl"]
    return listener_of(events), clients, added, ready


@dataclasses.dataclass
class Buffers:
    """A client that sends and does not read. Messages, in a trace."""
    name: str  # of the client
    size: int  # of a message, in bytes
    fd: int  # the server's end
    full: int  # not read by the client when send fails with EAGAIN
    unsent: int  # received by the server and not sent
    waiting: int  # not received by the server
    blocked: int  # the line with EAGAIN
    reads: int  # the line before its first recv
    writable: int  # the line with OUT
    read: int  # by the client, until that line


def buffers_of(stage, scenario="slow-reader"):
    """Returns what is in the buffers when the server cannot send, and when
    it can send again."""
    events = trace_of(stage, scenario)
    blocked = next(e for e in events if e.of_server and e.call == "send" and
                   e.kind == "again")
    client = [e for e in events if e.about == blocked.client and e.line]
    writable = next(e.line for e in client if e.kind == "ready" and
                    e.line > blocked.line and "OUT" in e.events)

    def count(call, server, limit):
        return sum(1 for e in client if e.of_server == server and e.bytes and
                   e.call == call and e.line < limit)

    read = count("recv", False, writable)
    received = count("recv", True, writable)
    full = count("send", True, writable)
    sent = count("send", False, writable)
    if QUARTER * (full - read) > full or QUARTER * (full - read + 1) < full:
        raise Trouble(f"in the scenario {scenario}, OUT is not reported when "
                      "a quarter of the send buffer is in use")
    reads = next(e.line for e in client if e.of_client and
                 e.kind == "recv") - 1
    sizes = {e.bytes for e in client if e.bytes and e.line < writable}
    if len(sizes) != 1:
        raise Trouble(f"the messages of {scenario} must have one size")
    return Buffers(blocked.client, sizes.pop(), blocked.fd, full,
                   received - full, sent - received, blocked.line, reads,
                   writable, read)
