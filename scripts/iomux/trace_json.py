"""trace_json.py - a line of JSON as the line of text that it stands for.

A line of the JSON trace is an object of Chrome's "Trace Event Format". "cat"
names its kind, and "args" holds what the line is about:

    __metadata  "name": process_name, which is the first line and has the name
                of the program, its version, its options and the path of its
                scenario, and in "done" what the server does with a message,
                "echoed" or "answered"; or thread_name
    state       what the kernel holds, with --states: after the line above it,
                and until the next such line. "epoll" is the descriptor of the
                epoll instance, "ready" is 1 if its ready list is not empty (a
                server without epoll has neither), and "fds" are rows
                [FD, BYTES, REGISTERED, READY]:
                BYTES       that wait in the socket, or null for a listener
                REGISTERED  "IN|OUT|ET", "" if it is not on an interest list,
                            "ONESHOT" if it has been reported and not re-armed
                READY       what poll(2) reports of IN, PRI, OUT and RDHUP, and
                            HUP and ERR, or ""
                "timeout_ms" has a field for each thread that sleeps in a
                select, poll or epoll_wait: its time-out in milliseconds, -1
                if it has none, or null if it is behind a pointer. It is in
                those lines that follow a client's line, or the last line
                before the server is quiet.
    summary     the counts, in the last line
    all others  an event of trace.h. "who" is its thread. "src" is FILE:LINE of
                the trace call, or of the scenario for clients and the player.
                The system call is in the nearest line at or above "src", six
                lines at most, that contains its name and "(".
                "bytes" is a result, "asked" what send was given, and "room"
                what a server's recv was given, where it is an array.

A state line follows each of the server's lines that changed the state, and a
client's line once the server is quiet: it sleeps in a call, or has returned
from one and has not printed its line yet. So a call that the server was blocked
in may have taken the bytes already.
"""
import collections

State = collections.namedtuple("State", "line epoll ready rows timeouts")
Metadata = collections.namedtuple("Metadata", "done")
Row = collections.namedtuple("Row", "fd bytes registered ready")


def of_server(who):
    """Is this the label of one of the server's threads?"""
    return who.startswith(("server", "thread", "worker"))


def outcome(kind, call, args):
    """Returns the text of an event of JSON, without its label."""
    end = f"fd:{args.get('fd')}"
    if "client" in args:
        end += f" ({args['client']})"
    peer = "client" + end if "client" in args else end
    subject = call
    if of_server(args["who"]) and call in ("recv", "send"):
        subject = f"{call} {'from' if call == 'recv' else 'to'} {peer},"
    size, asked = args.get("bytes"), args.get("asked")
    if kind in ("again", "error"):
        part = f", {size} of {asked} bytes sent" if asked else ""
        return f"{subject} {args['error']}{part}"
    if kind == "send":
        part = f" of {asked}" if asked is not None and size < asked else ""
        msg = f", msg:{args['msg']}" if "msg" in args else ""
        return f"{subject} {size}{part} bytes{msg}"
    if kind == "ctl":
        error = f" {args['error']}" if "error" in args else ""
        return f"{call} {args['op']} {end} events:{args['events']}{error}"
    texts = {
        "listen": f"{call} {end}", "connect": f"{call} {end}",
        "wait": f"{call}...", "woke": f"{call} done, num:{args.get('num')}",
        "ready": f"  {end} {args.get('events')}",
        "submit": f"{call} {args.get('op')} {end}",
        "accept": f"=====> accept new {peer}",
        "refused": f"refuse {peer}, {args.get('remark')}",
        "recv": f"{subject} {size} bytes, msg:{args.get('msg')}",
        "eof": f"{subject} eof", "close": f"close {peer}",
        "shutdown": f"shutdown {peer}" if args.get("client") else "shutdown",
        "stop": "stop", "timer": "timer",
        "note": f"note {args.get('remark')}"}
    return texts[kind]


def is_count(value):
    return type(value) is int and 0 <= value < 10 ** 18


def read_done(args):
    """Returns what metadata say that a server does with a message, or None."""
    done = args.get("done")
    if done not in (None, "echoed", "answered"):
        raise ValueError("this is neither echoed nor answered")
    return done


def read_state(args, number):
    """Returns the State that an object of JSON is, or raises ValueError,
    TypeError or KeyError."""
    rows = [Row(*row) for row in args["fds"]]
    epoll, ready = args.get("epoll"), args.get("ready")
    good = all(is_count(row.fd) and (row.bytes is None or is_count(row.bytes))
               and isinstance(row.registered, str)
               and isinstance(row.ready, str) for row in rows)
    if epoll is not None or ready is not None:
        good = good and is_count(epoll) and ready in (0, 1)
    timeouts = args.get("timeout_ms", {})
    good = good and all(ms is None or ms == -1 or is_count(ms)
                        for ms in timeouts.values())
    if not good:
        raise ValueError("this is not a state")
    return State(number, epoll, ready, rows, timeouts)


def read_object(said):
    """Returns (kind, text with its label, EAGAINs left out) of an object, or
    raises ValueError, TypeError, KeyError or AttributeError."""
    kind, call, args = said["cat"], said["name"], said["args"]
    again = args.get("again", 0)
    if type(again) is not int or not 0 <= again < 10 ** 18:
        raise ValueError("again is not a count")
    label = f"[{args['who']}]".ljust(10)
    return kind, f"{label} {outcome(kind, call, args)}", again
