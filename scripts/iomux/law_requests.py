"""law_requests.py - the laws of requests in flight, which only a server with
io_uring has."""
from .laws import at, need

RESULTS = {"accept", "recv", "send", "eof", "again", "error"}


class Requests:
    """The requests in flight, and the results that are still to come."""

    def __init__(self):
        self.in_flight = {}  # (call, descriptor of a client or None): event
        self.used = False
        self.woke, self.owed = None, 0

    def take(self, event):
        """Takes a line of a server thread."""
        if event.kind == "submit":
            self.submit(event)
        elif not self.used:
            return
        elif event.kind == "woke":
            self.woke, self.owed = event, event.num
        elif event.kind == "wait":
            self.check_owed(event)
        elif event.kind == "close":
            for call in "recv", "send":
                request = self.in_flight.get((call, event.fd))
                need(request is None, "requested", event,
                     f"its {call} is in flight{at(request)}")
        elif event.kind in RESULTS and event.call != "io_uring_enter":
            self.complete(event)

    def submit(self, event):
        self.used = True
        key = (event.op, None if event.op == "accept" else event.fd)
        need(key not in self.in_flight, "requested", event,
             f"the same request is in flight{at(self.in_flight.get(key))}")
        self.in_flight[key] = event

    def complete(self, event):
        key = (event.call, None if event.call == "accept" else event.fd)
        need(key in self.in_flight, "requested", event,
             f"no {event.call} is in flight")
        del self.in_flight[key]
        need(self.owed > 0, "results", event, "these are more results than "
             f"'num' has{at(self.woke)}")
        self.owed -= 1

    def check_owed(self, event):
        need(self.owed == 0, "results", event, f"{self.owed} more results "
             f"should follow{at(self.woke)}")

    def check_end(self, event):
        self.check_owed(event)
        for (call, _), request in self.in_flight.items():
            need(False, "requested", request, f"this {call} has no result")
