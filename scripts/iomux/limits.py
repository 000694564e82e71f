"""limits.py - measures what the model of each stage can and cannot do.

No answer depends on a time: "it gets no echo" means that every thread of the
server sleeps and that no echo has arrived.
"""
import json
import os
import sys
import time

from .program import TOP, Trouble

sys.path.insert(0, os.path.join(TOP, "tests"))
import peer  # noqa: E402  (found by the line above)

HEADINGS = {
    "two": "serves two at once",
    "sleeps": "sleeps when idle",
    "above": "descriptors above 1023",
    "stalled": "isolates a stalled reader",
    "cost": "message costs the same among 2,000 idle",
}
FEW, ABOVE, MANY = 10, 1100, 2000  # clients
DESCRIPTORS = MANY + 100
BURN_NS = 200_000_000  # of CPU time, to compare an idle server with
MESSAGES, TRIES = 20, 20
MARGIN = 4  # seen: 0.8 to 1.2 where it is the same, 13 to 120 where not


def yes(true):
    return "yes" if true else "no"


def must(true, stage, what):
    if not true:
        raise peer.Problem(f"{stage}: {what}")


def serves_two(stage):
    """Is a second client served while the first is silent?"""
    with peer.Server(stage, "-q") as server:
        first, second = server.connect(), server.connect()
        second.sendall(b"hello")
        served = server.answers(second)
        first.close()
        must(server.answers(second), stage,
             "the second client is not served when the first has left")
        second.close()
    return served


def burn():
    """Uses BURN_NS of CPU time."""
    end = time.process_time_ns() + BURN_NS
    while time.process_time_ns() < end:
        pass


def sleeps(stage):
    """Does it do nothing at all while nothing happens? Three tries: it may
    still be about to block at the first."""
    with peer.Server(stage, "-q") as server:
        clients = [server.connect() for _ in range(3)]
        must(peer.echo(clients[0], 64), stage, "no echo for the first client")
        for _ in range(3):
            before = server.cpu(), server.switches()[0]
            burn()
            if (server.cpu(), server.switches()[0]) == before:
                return True
    return False


def send_until_stuck(server, client):
    """Sends, and reads nothing, until the server takes no more and sleeps."""
    junk = bytes(65536)
    end = time.monotonic() + peer.LIMIT
    client.setblocking(False)
    asleep = False
    while time.monotonic() < end:
        try:
            client.send(junk)
            asleep = False
        except BlockingIOError:
            if asleep:
                return
            asleep = server.asleep()
        except ConnectionError:
            raise peer.Problem(f"{server.stage}: it closes the connection of "
                               "the client that does not read") from None


def survives_stalled(stage):
    """Is a client served while another one sends and does not read?"""
    with peer.Server(stage, "-q") as server:
        stalled, other = server.connect(), server.connect()
        must(peer.echo(stalled, 64), stage, "no echo for the first client")
        other.sendall(b"hello")  # accepted, unless one at a time is served
        if server.answers(other):
            other.recv(5)
        send_until_stuck(server, stalled)
        other.sendall(b"hello again")
        served = server.answers(other)
        stalled.close()
        must(server.answers(other), stage,
             "the other client is not served when the stalled one has left")
        other.close()
    return served


def cost(server, client):
    """Returns the CPU time of the server for a message, in ns: the minimum
    of TRIES."""
    least = None
    for _ in range(TRIES):
        before = server.cpu()
        for _ in range(MESSAGES):
            must(peer.echo(client, 64), server.stage, "it closes the connection")
        spent = (server.cpu() - before) / MESSAGES
        least = spent if least is None else min(least, spent)
    return least


def crowd(stage):
    """Measures a stage with many clients."""
    cpus = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cpus)})  # the server inherits it
    try:
        return crowd_on_one_cpu(stage)
    finally:
        os.sched_setaffinity(0, cpus)


def crowd_on_one_cpu(stage):
    with peer.Server(stage, "-q") as server:
        clients = []
        server.fill(clients, 1 + FEW)
        must(len(clients) == 1 + FEW, stage, f"it refuses {FEW} clients")
        few = cost(server, clients[0])
        server.fill(clients, ABOVE)
        above = len(clients) == ABOVE
        must(not above or server.highest_descriptor() > 1023, stage,
             f"{ABOVE} clients, and no descriptor above 1023")
        if above:
            server.fill(clients, 1 + MANY)
        many = cost(server, clients[0])
        for client in clients:
            client.close()
    return {
        "above": yes(above),
        "cost": yes(many < MARGIN * few),
        "idle": len(clients) - 1,
        "ns_among_few": round(few),
        "ns_among_idle": round(many),
    }


def measure(stage):
    """Returns a dictionary: the columns, and the figures of the last."""
    two = serves_two(stage)
    row = {"stage": stage, "two": yes(two), "sleeps": yes(sleeps(stage))}
    row |= crowd(stage) if two else {"above": "-", "cost": "-"}
    row["stalled"] = yes(survives_stalled(stage))
    return row


def table(rows):
    """Returns the rows as a Markdown table."""
    lines = [["stage", *HEADINGS.values()]]
    lines += [[row["stage"], *(row[key] for key in HEADINGS)] for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines)]
    lines.insert(1, ["-" * width for width in widths])
    return "".join("| " + " | ".join(
        cell.ljust(width) for cell, width in zip(line, widths)) + " |\n"
        for line in lines)


def wanted(words):
    """Returns the stages that the command line names: 06-epoll-lt, 06, 6."""
    known = peer.stages()
    names = []
    for word in words:
        found = [s for s in known if word in (s, s.split("-")[0])
                 or word == str(int(s.split("-")[0]))]
        if not found:
            raise Trouble(f"there is no stage '{word}' that echoes; there are "
                          f"{', '.join(known)}")
        names.append(found[0])
    return names or known


def measure_all(names, json_path):
    """Measures stages, and prints the table."""
    try:
        for stage in names:
            peer.program(stage)
        peer.allow_descriptors(DESCRIPTORS)
        rows = []
        for stage in names:
            if sys.stderr.isatty():
                print(f"measuring {stage} ...", file=sys.stderr)
            rows.append(measure(stage))
    except peer.Problem as problem:
        raise Trouble(str(problem)) from None
    if json_path:
        with open(json_path, "w", encoding="ascii") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)
    print(table(rows), end="")
