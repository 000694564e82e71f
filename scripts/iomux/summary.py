"""summary.py - the summary at the end of a trace, as text or from JSON."""
import math
import re

N = r"([0-9]{1,18})"
SUMMARY = [
    (r"summary of (\S+(?: --connect)?)", ("program",)),
    (f"  clients      {N}", ("clients",)),
    (f"  clients      {N} accepted, {N} refused, {N} closed",
     ("accepted", "refused", "closed")),
    (f"  messages     {N} sent, {N} (echoed|answered)",
     ("sent", "echoed", "done")),
    (f"  messages     {N} sent", ("sent",)),
    (rf"  messages     {N} \(recv calls that returned data\)", ("chunks",)),
    (f"  bytes        {N} in, {N} out", ("bytes_in", "bytes_out")),
    (r"  calls        ((?:[a-z0-9_]+ [0-9]{1,18}, )*[a-z0-9_]+ [0-9]{1,18})",
     ("calls",)),
    (r"  requests     ((?:[a-z]+ [0-9]{1,18}, )*[a-z]+ [0-9]{1,18})",
     ("requests",)),
    (f"  EAGAIN       {N} of these calls", ("again",)),
    (f"  scans        {N}, of which {N} found nothing",
     ("scans", "empty_scans")),
    (r"  per message  ([0-9]{1,15}\.[0-9]) calls", ("calls_per_message",))]
ANSWERS = "11-http"  # a stage that does not echo
NOT_CALLS = {key for _, keys in SUMMARY for key in keys} | {"messages"}
CALLS = {"accept", "recv", "send", "close", "epoll_ctl"}


def add_line(summary, line):
    """Adds a line of text to a summary. Returns False if no summary has such
    a line."""
    for regex, keys in SUMMARY:
        found = re.fullmatch(regex, line)
        if found is None:
            continue
        for key, value in zip(keys, found.groups()):
            if key in ("calls", "requests"):
                parts = [part.split() for part in value.split(", ")]
                counts = {name: int(count) for name, count in parts}
                summary.update(counts)
                if key == "requests":
                    summary[key] = sum(counts.values())
            elif key in ("program", "done"):
                summary[key] = value
            else:
                summary[key] = float(value) if "." in value else int(value)
        return True
    return False


def from_json(args):
    """Returns the summary that an object of JSON is, or None if one of its
    values has the wrong type."""
    if not isinstance(args, dict):
        return None
    for key, value in args.items():
        if key == "program":
            good = isinstance(value, str)
        elif key == "calls_per_message":
            good = type(value) in (int, float) and math.isfinite(value)
        else:
            good = type(value) is int and 0 <= value < 10 ** 18
        if not good:
            return None
    return dict(args)


def wait_count(summary):
    """Returns how often the server waited, in epoll_wait for example."""
    return sum(value for key, value in summary.items()
               if key not in NOT_CALLS and key not in CALLS)
