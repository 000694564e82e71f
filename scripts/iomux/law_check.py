"""law_check.py - replays a trace, and stops at the first line that breaks a law.

The Checker knows at each line which clients are connected, what was received
from each, and what each thread waits for. It checks neither speed nor anything
that a trace does not show.
"""
import collections

from .law_requests import Requests
from .law_states import States
from .law_summary import check_summary
from .laws import Broken, at, need
from .streams import Connection, Reader, Session, Thread

SERVER = {"listen", "wait", "woke", "ready", "accept", "refused", "ctl",
          "submit", "timer"}
BOTH = {"recv", "send", "eof", "again", "error", "close", "shutdown"}
CLIENT = {"connect"} | BOTH

class Checker:
    def __init__(self, trace):
        self.trace = trace
        self.threads = collections.defaultdict(Thread)
        self.listeners = []  # the descriptors of the listening sockets
        self.sessions = {}  # those that are open, by name
        self.seen = set()  # names that have been accepted
        self.requests = Requests()
        self.turns = {}  # the last report of a client, by its name
        self.interest = {}  # descriptor: its registered events
        self.connections = {}  # those that are open, by name
        self.arriving = collections.defaultdict(collections.deque)
        self.stopped = None
        connects = collections.Counter(
            e.about for e in trace.events if e.kind == "connect")
        external = any(e.kind == "accept" and e.client[0] == "x"
                        for e in trace.events)
        # A client that connects again may be called x, so its name is not sure.
        self.doubtful = {name for name, n in connects.items()
                         if external and n > 1}

    def check(self):
        states = States(self.trace)
        for done, event in enumerate(self.trace.events, 1):
            self.check_speaker(event)
            if event.of_server:
                self.check_wait(event)
                self.requests.take(event)
                self.check_server(event)
            elif event.of_client:
                self.check_client(event)
            elif event.kind == "stop":
                need(self.stopped is None, "stop", event, "it was stopped "
                     "before" + at(self.stopped))
                self.stopped = event
            if self.stopped is None:
                states.check(done, self.sessions)
        if self.trace.problem is not None:
            number, text, why = self.trace.problem
            raise Broken("grammar", (number, text), why)
        # Without a summary it was cut, or killed by a second Ctrl-C.
        if self.trace.summary is not None:
            self.check_end()
            check_summary(self.trace)

    def need_echo(self, good, law, where, why):
        """Checks a condition of a law that a server of HTTP need not obey."""
        if self.trace.echoes:
            need(good, law, where, why)

    def check_speaker(self, event):
        who = event.who.split()[0]
        own = {"server": SERVER | BOTH | {"note"},
               "thread": SERVER | BOTH | {"note"},
               "worker": SERVER | BOTH | {"note"}, "client": CLIENT,
               "demo": {"stop", "note", "error"},
               "player": {"note", "error"}}[who]
        need(event.kind in own, "speaker", event,
             f"[{event.who}] has no event '{event.kind}'")
        names = event.client is not None
        if event.kind in ("recv", "send", "eof", "close") or names:
            need(names == event.of_server, "speaker", event,
                 "the server's lines name the client, and a client's lines "
                 "do not")
        if who == "thread" and names:
            need(event.client.lstrip("c") == event.who.split()[1],
                 "speaker", event, "a thread serves one client, and its lines "
                 "name no other")

    # --- a thread of the server

    def check_wait(self, event):
        thread = self.threads[event.who]
        wait, thread.waiting = thread.waiting, None
        if wait is not None:
            need(event.call == wait.call and event.kind in
                 ("woke", "again", "error", "accept", "recv", "eof"),
                 "wait", event, f"the wait{at(wait)} has not ended yet")
        else:
            need(event.kind != "woke", "wait", event,
                 "there was no wait before it")
        if event.kind == "wait":
            self.turns = {name: told for name, told in self.turns.items()
                          if told.who != event.who}
            self.end_batch(thread, event)
            thread.waiting = event
        elif event.kind == "woke":
            ring = event.call == "io_uring_enter"
            thread.woke, thread.owed = event, 0 if ring else event.num
        elif event.kind == "ready":
            need(thread.owed > 0, "ready", event, "more are ready than "
                 f"'num' says{at(thread.woke)}")
            thread.owed -= 1
            # The trace does not show how a timer's descriptor is read.
            if event.events != "OUT" and (event.client is not None or
                                          self.may_listen(event.fd)):
                thread.unhandled[event.fd] = event
        elif event.kind != "ctl":
            fd = event.fd if event.call != "accept" else next(
                (fd for fd in thread.unhandled if fd in self.listeners), None)
            thread.unhandled.pop(fd, None)
            thread.again |= event.kind in ("again", "error")

    def end_batch(self, thread, event):
        """A thread waits again: has it handled all that was reported?"""
        need(thread.owed == 0, "ready", event, f"{thread.owed} more should "
             f"be ready{at(thread.woke)}")
        if thread.unhandled and not thread.again:
            ready = next(iter(thread.unhandled.values()))
            missing = ("accept4 and trace_accept(), also if it fails"
                       if ready.client is None else "recv and trace_recv()")
            need(False, "handled", event, "nothing was done about the ready "
                 f"descriptor{at(ready)}: {ready.text[11:].strip()}; expected "
                 f"{missing}")
        thread.unhandled, thread.again = {}, False

    # --- the server

    def may_listen(self, fd):
        """Is it a listening socket? Any may be one if the trace names none."""
        return not self.listeners or fd in self.listeners

    def check_server(self, event):
        if event.kind == "listen":
            self.listeners.append(event.fd)
        elif event.kind == "accept":
            self.check_accept(event)
        elif event.client is not None:
            self.check_session(event, self.session_of(event))
            self.check_turn(event)
        elif event.kind == "ctl" and event.op == "ADD":
            pass  # a timer, for example: any file may be registered
        elif event.fd is not None and event.fd not in self.interest:
            need(self.may_listen(event.fd), "descriptor", event,
                 f"fd:{event.fd} is neither a client's nor the listening "
                 f"socket, fd:{' or fd:'.join(map(str, self.listeners))}")
        if event.kind in ("ctl", "ready"):
            self.check_interest(event)

    def check_accept(self, event):
        name = event.client
        need(name not in self.sessions, "descriptor", event,
             f"there is a {name} already")
        for other, session in self.sessions.items():
            if session.fd == event.fd:
                raise Broken("descriptor", event, f"clientfd:{event.fd} is "
                             f"{other}'s{at(session.event)}")
        need(event.fd not in self.listeners, "descriptor", event,
             f"fd:{event.fd} is the listening socket")
        arriving = self.arriving[name]
        known = arriving and name not in self.doubtful
        connection = arriving.popleft() if known else None
        self.sessions[name] = Session(event, connection)
        self.seen.add(name)
        self.interest.pop(event.fd, None)

    def check_turn(self, event):
        told = self.turns.get(event.client)
        need(told is None or told.who == event.who, "one at a time", event,
             f"{event.client} was reported to [{told and told.who}]{at(told)}")
        if event.kind == "ready":
            self.turns[event.client] = event
        elif event.kind in ("ctl", "close", "refused"):
            self.turns.pop(event.client, None)

    def session_of(self, event):
        name = event.client
        if name not in self.sessions:
            if name in self.seen:
                raise Broken("gone", event, f"{name} has been closed before")
            raise Broken("accepted first", event,
                         f"{name} has not been accepted")
        session = self.sessions[name]
        need(session.fd == event.fd, "descriptor", event,
             f"{name} is clientfd:{session.fd}{at(session.event)}")
        return session

    def check_session(self, event, session):
        name = event.client
        if session.eof or session.error:
            need(event.kind in ("close", "ctl", "ready"), "ended", event,
                 f"{name} was at its end before this line")
        if event.kind == "recv":
            session.received += event.bytes
            if session.reader is not None:
                need(session.reader.receive(event), "sent first", event,
                     f"{name} has not sent these bytes: it has sent "
                     f"{session.reader.stream.size}, and {session.received} "
                     "are received now")
        elif event.kind == "send":
            session.sent += event.bytes
            self.need_echo(session.sent <= session.received, "echo", event,
                           f"now {session.sent} bytes have been sent to "
                           f"{name}, and {session.received} received")
        elif event.kind == "eof":
            session.eof = True
        elif event.kind == "error" and event.error != "EINTR":
            session.error = True
        elif event.kind in ("close", "refused"):
            self.check_close(event, session)

    def check_close(self, event, session):
        if session.eof and self.stopped is None:
            self.need_echo(session.sent == session.received, "all echoed",
                           event, f"of {session.received} bytes received from "
                           f"{event.client} {session.sent} have been sent back")
        if event.kind == "refused":
            session.error = True
        del self.sessions[event.client]
        self.interest.pop(event.fd, None)

    def check_interest(self, event):
        """The interest list; a trace without epoll_ctl has none."""
        asked = self.interest.get(event.fd)
        if event.kind == "ctl" and event.error is None:
            # The trace does not show when a timer's descriptor is closed.
            again = event.client is None and not self.may_listen(event.fd)
            need((asked is None) == (event.op == "ADD") or
                 again and event.op == "ADD", "asked", event,
                 f"fd:{event.fd} is {'not ' if asked is None else ''}on the "
                 "interest list")
            self.interest[event.fd] = set(event.events.split("|"))
            if event.op == "DEL":
                del self.interest[event.fd]
        elif event.kind == "ready" and self.interest:
            told = set(event.events.split("|"))
            more = told - (asked or set()) - {"ERR", "HUP"}
            need(not more and asked is not None, "asked", event,
                 f"fd:{event.fd} is {'not ' if asked is None else ''}registered" +
                 (f" for {'|'.join(sorted(asked))}" if asked else ""))

    # --- the clients

    def check_client(self, event):
        name = event.about
        connection = self.connections.get(name)
        if event.kind == "connect":
            need(connection is None, "client", event,
                 "it is connected already" + at(connection and
                                                connection.event))
            connection = self.connections[name] = Connection(event)
            self.arriving[name].append(connection)
            return
        if connection is None:
            need(event.kind == "error" and event.call == "socket", "client",
                 event, "it is not connected")
            return
        self.check_order(event, connection)
        if event.kind == "send":
            connection.stream.send(event)
        elif event.kind == "recv":
            self.need_echo(connection.reader.receive(event), "own bytes",
                           event, "these are not the next of the "
                           f"{connection.stream.size} bytes that it has sent")
        elif event.kind == "eof":
            self.check_all_back(event, connection)
        elif event.kind == "again" and event.asked is not None:
            connection.stream.take_back(event.asked - event.bytes)
        elif event.kind in ("again", "error") and event.call == "connect":
            if connection in self.arriving[name]:
                self.arriving[name].remove(connection)
        elif event.kind == "close":
            del self.connections[name]
        connection.failed |= event.kind == "error"

    @staticmethod
    def check_order(event, connection):
        if event.kind in ("send", "shutdown"):
            need(not connection.shut, "client", event,
                 "it has shut down, and sends no more")
        if event.kind == "recv":
            need(not connection.end, "client", event,
                 "it has seen end of file, and nothing can follow")
        if event.kind == "close":
            need(event.fd == connection.fd, "client", event,
                 f"it connected fd:{connection.fd}{at(connection.event)}")
        connection.shut |= event.kind == "shutdown"
        connection.end |= event.kind == "eof"

    def check_all_back(self, event, connection):
        session = connection.session
        if (session is None or not session.eof or session.error or
                connection.failed or self.stopped is not None):
            return
        self.need_echo(connection.reader.has_all(), "all back", event,
                       f"it has sent {connection.stream.size} bytes, and has "
                       "not received all of them")

    # --- the end

    def check_end(self):
        for name, session in self.sessions.items():
            raise Broken("closed", session.event,
                         f"{name} is never closed before the end of the trace")
        for who, thread in self.threads.items():
            need(thread.waiting is None, "wait", thread.waiting,
                 f"this wait of [{who}] never ends")
            if thread.woke is not None:
                self.end_batch(thread, last_of(self.trace, who))
                self.requests.check_end(last_of(self.trace, who))


def last_of(trace, who):
    return [e for e in trace.events if e.who == who][-1]
