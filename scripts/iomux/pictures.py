"""pictures.py - draws the pictures of the text from traces and headers.

A position in a timeline is the number of a line in the trace. It is not a
time: the traces are recorded in lock-step. picture_data.py reads the traces.
"""
import os
import re

from .picture_data import (QUARTER, buffers_of, clients_of, listener_of,
                           ready_for, trace_of, words)
from .program import TOP, Trouble, read_text, write_text
from .stages import DEMOS, find_stage, stages
from .svg import WIDTH, Drawing

FOLDER = os.path.join("walkthrough", "pictures")
STARTS_FROM = {8: 7, 9: 7, 10: 7, 12: 7}  # any other stage starts from the one before


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
    """Three clients in four stages, over the lines of the trace."""
    left, step, row = 84, 9.6, 24
    picture = Drawing("Timelines of three clients in stages 01 to 04", "")
    said = []
    key_of_timelines(picture, 22)
    y = 36
    for stage in ("1", "2", "3", "4"):
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
        picture.text(136, y + 16, result, "mark" if late else "ink")
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


def cells(picture, y, label, filled, places, result, colour="ink"):
    """Draws a row of places for messages. The first of them are filled."""
    picture.text(16, y + 13, label, "dim")
    for place in range(places):
        picture.box(168 + 11 * place, y, 11, 18,
                    "wait" if place < filled else "paper", "line", 0)
    if result:
        picture.text(176 + 11 * places, y + 13, result, colour)


def buffers():
    """Both directions of a connection, and when OUT is reported."""
    b = buffers_of("7")
    label = "client " + b.name[1:]
    picture = Drawing(f"The buffers of a connection whose {label} does not "
                      "read, and the quarter rule", "")
    back = "server to " + label
    edge = 168 + 11 * b.full / QUARTER
    picture.text(16, 26, "07-epollout", look="head")
    picture.text(120, 26, f"send has failed with EAGAIN, and {label} continues"
                 f" to send (lines {b.blocked} to {b.reads - 1} of the trace)", "dim")
    cells(picture, 58, f"{label} to server", b.waiting, b.full,
          f"{b.waiting} unread")
    cells(picture, 84, "unsent data", b.unsent, b.unsent, "")
    picture.text(edge + 8, 97, "in the server's memory; while it is there, "
                 "the server does not receive")
    cells(picture, 110, back, b.full, b.full, "full: EAGAIN", "mark")
    picture.text(16, 156, "quarter rule", look="head")
    picture.text(120, 156, f"{label} reads (lines {b.reads + 1} to "
                 f"{b.writable} of the trace)", "dim")
    left = b.full - b.read
    cells(picture, 188, back, left + 1, b.full, f"{left + 1}: no OUT",
          "mark")
    cells(picture, 214, back, left, b.full, f"{left}: OUT")
    for y, end in ((50, 132), (180, 236)):
        picture.path(f"M{edge:g} {y}V{end}", "serve", "dash")
        picture.text(edge + 6, y + 2, "a quarter of the send buffer", "serve",
                     "small")
    picture.text(16, 260, f"A cell is a message of {b.size:,} bytes. The "
                 "kernel counts bytes in the sender's send buffer until they "
                 "are received.", "dim", "small")
    picture.description = (
        f"When send fails with EAGAIN, {b.full} messages fill the send buffer "
        f"of fd:{b.fd}, and {label} has read none of them. The server holds "
        f"{b.unsent} unsent message, and {b.waiting} messages of {label} wait "
        f"in the other direction. While {label} has not read {left + 1} "
        f"messages, OUT is not reported. At {left}, which is less than a "
        "quarter, it is.")
    return picture.svg(274)


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
            "buffers": buffers, "ladder": ladder}


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
