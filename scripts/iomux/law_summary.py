"""law_summary.py - the law that the summary counts what the lines show."""
import collections

from .laws import need
from .summary import wait_count

def count_lines(trace):
    """Returns the counts of a summary, made from the lines."""
    counts = collections.Counter()
    for event in trace.events:
        if not event.of_server:
            counts["sent"] += event.of_client and event.kind == "send"
            continue
        kind, call = event.kind, event.call
        counts["again"] += kind == "again"
        counts["ctl"] += kind == "ctl"
        counts["accepted"] += kind == "accept"
        counts["refused"] += kind == "refused"
        counts["closed"] += kind in ("close", "refused")
        counts["chunks"] += kind == "recv"
        counts["bytes_in"] += event.bytes if kind == "recv" else 0
        counts["bytes_out"] += event.bytes if kind == "send" else 0
        counts["left out"] += event.again
        if kind in ("accept", "recv", "send", "eof", "again", "error"):
            counts[call] += 1
        counts["waits"] += (kind == "woke" or kind in ("again", "error") and
                            call in ("select", "poll", "epoll_wait",
                                     "io_uring_enter"))
        counts["requests"] += kind == "submit"
        counts["errors"] += kind == "error"
    return counts


def may_leave_out(trace):
    """May lines of a run of EAGAIN be left out? Yes if the server never
    sleeps, or keeps a queue of clients (edge-triggered)."""
    return "scans" in trace.summary and trace.summary["scans"] > 0 or any(
        e.kind == "ctl" and "ET" in e.events.split("|") for e in trace.events)


def check_summary(trace):
    said, shown = trace.summary, count_lines(trace)
    where = (trace.summary_line, f"summary of {said.get('program', '?')}")

    def same(name, says, counted, at_least=False):
        need(says == counted or at_least and says >= counted, "summary",
             where, f"it has {says} {name}, and the lines show {counted}")

    keys = ("program", "accepted", "refused", "closed", "bytes_in",
            "bytes_out", "accept", "recv", "send", "close", "again")
    if "clients" in said:  # of --connect: there was no server
        keys = ("sent", "echoed")
    for key in keys:
        need(key in said, "summary", where, f"it has no '{key}'")
    if "clients" in said:
        need(said["echoed"] <= said["sent"] <= shown["sent"], "summary",
             where, f"it has {said['sent']} sent, {said['echoed']} echoed, "
             f"and the lines show {shown['sent']} sent")
        return
    for key, name in (("accepted", "accepted"), ("refused", "refused"),
                      ("closed", "closed"), ("bytes_in", "bytes in"),
                      ("bytes_out", "bytes out")):
        same(name, said[key], shown[key])
    same("close calls", said["close"], shown["closed"])
    same("epoll_ctl calls", said.get("epoll_ctl", 0), shown["ctl"])
    same("waits", wait_count(said), shown["waits"])
    same("requests", said.get("requests", 0), shown["requests"])
    loose = may_leave_out(trace) or shown["errors"] > 0
    for key in ("accept", "recv", "send"):
        same(f"{key} calls", said[key], shown[key], loose)
    same("EAGAINs", said["again"], shown["again"], loose)
    same("EAGAINs", said["again"], shown["again"] + shown["left out"], True)
    more = sum(said[key] - shown[key] for key in ("accept", "recv", "send"))
    again = said["again"] - shown["again"]
    need(more == again or more > again and shown["errors"] > 0, "summary",
         where, f"it counts {more} calls more than the lines show, and "
         f"{again} EAGAINs more; only EAGAINs are left out")
    if "chunks" in said:
        same("recv calls that returned data", said["chunks"],
             shown["chunks"])
    if "sent" in said:
        need(said["sent"] <= shown["sent"], "summary", where, f"it has "
             f"{said['sent']} sent, and the lines show {shown['sent']}")
    check_per_message(said, where)


def check_per_message(said, where):
    units = said.get("sent", said.get("chunks", said.get("messages", 0)))
    if units == 0 or "calls_per_message" not in said:
        return
    data = sum(said[key] for key in ("accept", "recv", "send"))
    calls = (said["close"] + said.get("epoll_ctl", 0) + wait_count(said) +
             (0 if said.get("requests", 0) > 0 else data))
    need(abs(calls / units - said["calls_per_message"]) <= 0.0501, "summary",
         where, f"it has {said['calls_per_message']} calls per message, and "
         f"{calls} calls for {units} messages are {calls / units:.1f}")
