"""law_states.py - the law of a trace with states: the bytes that wait in a
socket are those that the client has sent and the server has not received.

A state is taken when the server is quiet. A call that a thread was blocked in
may have returned by then, and its line comes later. So the next line of each
thread may have happened already, and that of a client's short send, too.
"""
from .laws import need


class States:
    def __init__(self, trace):
        self.trace = trace
        # The kernel receives for io_uring whenever it wants to.
        self.apply = bool(trace.states) and not any(
            e.kind == "submit" for e in trace.events)

    def check(self, done, sessions):
        """Checks the state after the first events, if there is one."""
        state = self.trace.states.get(done) if self.apply else None
        if state is None:
            return
        waiting = {row.fd: row.bytes for row in state.rows}
        early = self.early(done)
        for name, session in sessions.items():
            known = waiting.get(session.fd)
            if session.reader is None or known is None:
                continue
            self.check_one(state, name, session, known, early.get(name, 0))

    def check_one(self, state, name, session, known, early):
        stream = session.reader.stream
        left = stream.size - session.received
        # An out-of-band byte is not counted, and a byte alone may be one.
        least = left - sum(place >= session.received
                           for place in stream.optional)
        need(least <= known <= left or least <= known + early <= left,
             "waiting", (state.line, f"state of fd:{session.fd}: {known} bytes"),
             f"{known} bytes of {name} are waiting, but it has sent "
             f"{stream.size}, and {session.received} were received")

    def early(self, done):
        """Returns how many bytes of each client are gone before the line that
        shows it."""
        found, seen = {}, set()
        for event in self.trace.events[done:]:
            if event.who in seen:
                continue
            if event.kind == "stop":
                break
            if event.of_server and event.kind == "recv":
                found[event.client] = found.get(event.client, 0) + event.bytes
            if (event.of_client and event.kind == "again" and
                    event.asked is not None):
                short = event.asked - event.bytes
                found[event.about] = found.get(event.about, 0) + short
            seen.add(event.who)
            if event.of_client and event.kind != "again":
                break  # only now does the next step begin
        return found
