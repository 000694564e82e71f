"""pictures.py - draws the pictures of the text from traces and headers.

A position in a timeline is the number of a line in the trace. It is not a
time: the traces are recorded in lock-step.
"""
import dataclasses
import os
import re

from .program import TOP, Trouble, read_text, write_text
from .stages import DEMOS, find_scenario, find_stage, play, stages
from .svg import WIDTH, Drawing

FOLDER = os.path.join("walkthrough", "pictures")
SCENARIO = "three"
STARTS_FROM = {8: 7, 9: 7, 10: 7, 12: 7}  # any other stage starts from the one before


# --- what a trace contains ---------------------------------------------------

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


def trace_of(stage):
    """Returns the events of a stage that plays the scenario."""
    return play(find_stage(stage), find_scenario(SCENARIO)).events


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


# --- the pictures ------------------------------------------------------------

def key_of_timelines(picture, y):
    x = 24
    for label, width in (("connects", 90), ("waits to be accepted", 168),
                         ("is served", 100), ("sends", 72),
                         ("the server sends the echo", 194), ("leaves", 60)):
        if label == "connects":
            picture.path(f"M{x + 6} {y - 11}v14", "ink")
        elif label == "leaves":
            picture.cross(x + 6, y - 4)
        elif "echo" in label or label == "sends":
            picture.dot(x + 6, y - 4, "ink" if "echo" in label else "paper",
                        "ink")
        else:
            picture.bar(x - 8, y - 9, 20, 10,
                        "wait" if label.startswith("wait") else "serve")
        picture.text(x + 18, y, label, "dim", "small")
        x += width


def timelines():
    """Three clients in three stages, over the lines of the trace."""
    left, step, row = 84, 9.6, 24
    picture = Drawing("Timelines of three clients in stages 01, 02 and 04", "")
    said = []
    key_of_timelines(picture, 22)
    y = 36
    for stage in ("1", "2", "4"):
        name = find_stage(stage)
        clients = clients_of(trace_of(stage))
        first, others = clients[0], clients[1:]
        late = [c.name for c in others if c.accepted > first.left]
        result = (f"{words(late)} wait until client 1 has left" if late else
                  f"{words([c.name for c in others])} are served while client "
                  "1 is connected")
        said.append(f"{name}: {result}. " + " ".join(
            f"{c.label.capitalize()} connects in line {c.connected}, is "
            f"accepted in line {c.accepted} and leaves in line {c.left}."
            for c in clients))
        picture.text(16, y + 16, name, look="head")
        picture.text(120, y + 16, result, "mark" if late else "ink")
        top = y + 26
        for number, c in enumerate(clients):
            middle = top + number * row + row / 2

            def at(line):
                return left + line * step

            picture.text(16, middle + 4, c.label, "dim")
            picture.path(f"M{left} {middle:g}H{WIDTH - 16}", "line")
            picture.bar(at(c.connected), middle - 6,
                        (c.accepted - c.connected) * step, 12, "wait")
            picture.bar(at(c.accepted), middle - 6,
                        (c.closed - c.accepted) * step, 12, "serve")
            picture.path(f"M{at(c.connected):g} {middle - 9:g}v18", "ink")
            for line in c.sent:
                picture.dot(at(line), middle, "paper", "ink")
            for line in c.echoed:
                picture.dot(at(line), middle, "ink", "paper")
        bottom = top + len(clients) * row
        picture.path(f"M{left + first.left * step:g} {top - 2}V{bottom + 2}",
                     "mark", "dash")
        for number, c in enumerate(clients):
            picture.cross(left + c.left * step, top + number * row + row / 2)
        y = bottom + 8
    for line in range(0, 70, 10):
        picture.text(left + line * step, y + 12, str(line), "dim", "small",
                     "middle")
    picture.text(left, y + 29, "line of the trace (an order, not a time). "
                 "Dashed: client 1 leaves.", "dim", "small")
    picture.description = " ".join(said)
    return picture.svg(y + 40)


def sockets():
    """Where three connections are before the first client leaves."""
    picture = Drawing("The listening socket, its backlog and the connected "
                      "sockets", "")
    said = []
    y = 12
    for stage in ("1", "2"):
        name = find_stage(stage)
        events = trace_of(stage)
        clients = clients_of(events)
        listener, line = listener_of(events), clients[0].left - 1
        queue = [c for c in clients if c.accepted > line]
        served = [c for c in clients if c.accepted <= line]
        height = 66 + 34 * len(clients)
        picture.text(16, y + 16, name, look="head")
        picture.text(120, y + 16, f"before client 1 leaves (after line {line} "
                     "of the trace)", "dim")
        y += 26
        picture.box(16, y, 520, height)
        picture.text(28, y + 19, "server", "dim", "small")
        picture.text(744, y + 19, "clients", "dim", "small", "end")
        picture.box(28, y + 28, 150, 26, "paper", "ink")
        picture.text(38, y + 45, f"listening, fd:{listener}", look="code")
        picture.text(196, y + 45, "backlog:", "dim")
        for place, c in enumerate(queue):
            picture.box(258 + 56 * place, y + 28, 48, 26, "wait", "ink")
            picture.text(282 + 56 * place, y + 45, c.name, look="code",
                         anchor="middle")
        if not queue:
            picture.text(258, y + 45, "empty", "dim")
        for number, c in enumerate(clients):
            row = y + 62 + 34 * number
            picture.box(624, row, 120, 26, "paper", "ink")
            picture.text(634, row + 17, f"{c.name}, fd:{c.own_fd}",
                         look="code")
            if c in served:
                picture.box(28, row, 200, 26, "paper", "serve")
                picture.text(38, row + 17, f"connected, fd:{c.fd} ({c.name})",
                             look="code")
                picture.arrow(232, row + 13, 620, "serve", both=True)
            else:
                place = 282 + 56 * queue.index(c)
                picture.path(f"M620 {row + 13:g}H{place}V{y + 58}m-4 5l4 -5"
                             "l4 5", "dim", "dash")
        held = [f"fd:{c.fd} of the server is connected to fd:{c.own_fd} of "
                f"{c.label}" for c in served]
        said.append(
            f"{name}, after line {line}: the listening socket is fd:{listener}"
            + (f", and {words([c.name for c in queue])} are in its backlog. "
               if queue else ", and its backlog is empty. ")
            + "; ".join(held) + ".")
        y += height + 14
    picture.text(16, y + 8, "Solid: accepted, bytes go both ways. "
                 "Dashed: connected, but not accepted yet.", "dim", "small")
    picture.description = " ".join(said)
    return picture.svg(y + 20)


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


def table(picture, x, y, widths, rows, ready):
    """Draws rows of cells. The rows whose first cell is in ready stand out."""
    for row in rows:
        place = x
        for width, cell in zip(widths, row):
            picture.box(place, y, width, 24,
                        "wait" if row[0] in ready else "paper", "ink", 0)
            picture.text(place + 7, y + 16, cell, look="code")
            place += width
        y += 24
    return y


def bits(picture, x, y, count, ones):
    for bit in range(count):
        picture.text(x + 24 * bit + 12, y - 4, str(bit), "dim", "small",
                     "middle")
        picture.box(x + 24 * bit, y, 24, 24,
                    "wait" if bit in ones else "paper", "ink", 0)
        picture.text(x + 24 * bit + 12, y + 16, str(int(bit in ones)),
                     look="code", anchor="middle")


def lists():
    """fd_set, pollfd[] and the two lists of epoll, for the same clients."""
    picture = Drawing("What select, poll and epoll keep for three clients "
                      "when client 2 has sent", "")
    columns = (16, 264, 512)
    for x, call, keeper in zip(columns, ("select", "poll", "epoll"),
                               ("04-select", "05-poll", "06-epoll-lt")):
        picture.box(x, 12, 232, 292)
        picture.text(x + 12, 34, call, look="head")
        picture.text(x + 220, 34, keeper, "dim", "small", "end")
    listener, clients, _, ready = ready_for("4")
    x, watched = columns[0] + 20, [listener] + [c.fd for c in clients]
    picture.text(x - 8, 60, "fd_set before the call", "dim", "small")
    bits(picture, x, 84, 8, watched)
    picture.text(x - 8, 134, "fd_set after the call", "dim", "small")
    bits(picture, x, 158, 8, ready)
    said = [f"select: bits {', '.join(map(str, watched))} are set before the "
            f"call, and bit {', '.join(map(str, ready))} after it."]

    listener, clients, _, ready = ready_for("5")
    x, watched = columns[1] + 12, [listener] + [c.fd for c in clients]
    picture.text(x, 60, "struct pollfd[] after the call", "dim", "small")
    table(picture, x, 68, (48, 80, 80), [("fd", "events", "revents")] + [
        (str(fd), "POLLIN", "POLLIN" if fd in ready else "0")
        for fd in watched], list(map(str, ready)))
    said.append(f"poll: an array of {len(watched)} elements. revents is set "
                f"for descriptor {', '.join(map(str, ready))}.")

    listener, clients, added, ready = ready_for("6")
    x = columns[2] + 12
    picture.text(x, 60, "interest list", "dim", "small")
    table(picture, x, 68, (36, 62), [("fd", "events")] + [
        (str(fd), "IN") for fd in added], [])
    row = 92 + 24 * added.index(ready[0])  # the first one's
    picture.arrow(x + 102, row + 12, x + 128, "ink")
    picture.text(x + 132, 60, "ready list", "dim", "small")
    table(picture, x + 132, row, (36,), [(str(fd),) for fd in ready],
          list(map(str, ready)))
    said.append(f"epoll: the interest list holds {', '.join(map(str, added))},"
                f" and the ready list {', '.join(map(str, ready))}.")

    for x, lines in zip(columns, (
            ("Passed on every call. The", "kernel clears the other bits,",
             "the program sets them again."),
            ("Passed on every call. The", "kernel sets each revents,",
             "the program searches them."),
            ("Both lists are in the kernel.", "epoll_ctl changes the first,",
             "epoll_wait reads the second."))):
        for number, line in enumerate(lines):
            picture.text(x + 12, 228 + 17 * number, line)
    for x, stage in zip(columns, ("4", "5", "6")):
        listener, clients, _, ready = ready_for(stage)
        picture.text(x + 12, 292, f"{listener}: listening, " + ", ".join(
            f"{c.fd}: {c.name}" for c in clients), "dim", "small")
    picture.description = " ".join(said)
    return picture.svg(316)


def ladder():
    """The stages, each with the first line of its header."""
    picture = Drawing("The twelve stages and the idea that each adds", "")
    depth, place, said = {}, {}, []
    y = 14
    for name in stages():
        number = int(name.split("-")[0])
        header = read_text(os.path.join(DEMOS, name + ".c"))
        found = re.match(rf"/\*\n \* {name} - (.*?)\.?\n", header)
        if found is None:
            raise Trouble(f"demos/{name}.c does not begin with its name and "
                          "its idea")
        base = STARTS_FROM.get(number, number - 1)
        depth[number] = depth.get(base, -1) + 1
        x = 16 + 30 * depth[number]
        if base in place:
            picture.path(f"M{place[base][0] + 14} {place[base][1]}V{y + 20}"
                         f"H{x}", "dim")
        picture.box(x, y, WIDTH - 16 - x, 40)
        picture.bar(x, y, 4, 40, "serve")
        picture.text(x + 14, y + 17, name, look="head")
        picture.text(x + 14, y + 33, found[1])
        place[number] = (x, y + 40)
        said.append(f"{name}: {found[1]}.")
        y += 48
    picture.description = " ".join(said)
    return picture.svg(y + 6)


PICTURES = {"timelines": timelines, "sockets": sockets, "lists": lists,
            "ladder": ladder}


def draw_all(names, check):
    """Writes the pictures, or compares them with the files if check is true.
    Returns false if one differs."""
    for name in names:
        if name not in PICTURES:
            raise Trouble(f"there is no picture '{name}'; there are "
                          f"{', '.join(PICTURES)}")
    same = True
    for name in names or PICTURES:
        path = os.path.join(FOLDER, name + ".svg")
        full, drawn = os.path.join(TOP, path), PICTURES[name]()
        if not check:
            os.makedirs(os.path.dirname(full), exist_ok=True)
            write_text(full, drawn)
        elif not os.path.exists(full) or read_text(full) != drawn:
            print(f"{path} differs from its data: run scripts/pictures")
            same = False
    return same
