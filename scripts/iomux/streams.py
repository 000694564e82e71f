"""streams.py - what the laws know of a connection: the bytes sent and received,
both sides of it, and what a thread of the server waits for."""
from .message import unescape


class Stream:
    """The bytes that a client has sent, as far as the trace shows them."""

    def __init__(self):
        self.size = 0
        self.known = {}  # position: byte
        # One byte alone may be out-of-band: it need not arrive.
        self.optional = set()

    def send(self, event):
        text, _ = unescape(event.msg)
        if event.bytes == 1:
            self.optional.add(self.size)
        self.known.update(enumerate(text, self.size))
        self.size += event.bytes

    def take_back(self, size):
        """Removes the last bytes, which were not sent after all."""
        self.size -= size
        for position in [p for p in self.known if p >= self.size]:
            del self.known[position]
            self.optional.discard(position)


class Reader:
    """A reader of a stream. Where bytes may be missing it may be in several
    places; if none is left, the bytes received are not those sent."""

    def __init__(self, stream):
        self.stream, self.places = stream, {0}

    def receive(self, event):
        """Takes the bytes of an event. Returns False if they were not sent."""
        text, left_out = unescape(event.msg)
        for byte in text:
            self.places = {p + 1 for p in self.skip()
                           if p < self.stream.size and
                           self.stream.known.get(p, byte) == byte}
        if left_out > 0:
            self.places = self.far(left_out)
        return bool(self.places)

    def skip(self):
        """Returns the places, and those behind bytes that may be missing."""
        found = set()
        for place in self.places:
            found.add(place)
            while place in self.stream.optional:
                place += 1
                found.add(place)
        return found

    def far(self, size):
        """Returns the places that are size bytes further on."""
        found = set()
        for place in self.places:
            passed = sorted(p for p in self.stream.optional if p >= place)
            end = place + size
            found.add(end)
            for position in passed:
                if position <= end:
                    end += 1
                    found.add(end)
        return {p for p in found if p <= self.stream.size}

    def has_all(self):
        return self.stream.size in self.skip()


class Connection:
    """A client's side of a connection."""

    def __init__(self, event):
        self.event, self.fd = event, event.fd
        self.stream = Stream()
        self.reader = Reader(self.stream)
        self.shut = self.end = self.failed = False
        self.session = None  # the server's side, or None if it is not known


class Session:
    """The server's side of a connection."""

    def __init__(self, event, connection):
        self.event, self.fd = event, event.fd
        self.received = self.sent = 0
        self.eof = self.error = False
        self.reader = None
        if connection is not None:
            connection.session = self
            self.reader = Reader(connection.stream)


class Thread:
    """A thread of the server."""

    def __init__(self):
        self.waiting = None  # the event of the wait
        self.woke = None  # the wake-up that reported descriptors ...
        self.owed = 0  # ... how many of them are not listed yet ...
        self.unhandled = {}  # ... and not handled yet: descriptor: event
        self.again = False  # an EAGAIN may stand for several
