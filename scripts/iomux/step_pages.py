"""step_pages.py - the pages of the text: one for each idea, which opens at the
step that matters.
"""
from __future__ import annotations

import dataclasses
import os
import re

from . import step_play
from .program import TOP, Trouble
from .stages import SCENARIOS

FOLDER = os.path.join(TOP, "build", "step")
FORGOTTEN = "forgotten"  # opens at the first step with forgotten bytes


@dataclasses.dataclass
class Page:
    """A page. It opens at the first line of one side (0 or 1) that matches a
    regular expression, or at FORGOTTEN, and shows a sentence about it."""
    words: list
    scenario: str
    side: int
    line: str
    look: str

    @property
    def name(self):
        return name_of(self.words, self.scenario)


PAGES = [
    Page(["01", "02"], "silent", 0, r"\[client 2\] send",
         "On the left, client 2 is not accepted: the listener is readable, and "
         "the server blocks in recv of client 1. On the right each client has "
         "a thread."),
    Page(["03", "04"], "idle", 0, r"note silence",
         "All clients are idle. The left server makes calls without a pause, "
         "and each fails with EAGAIN. The right server blocks in select."),
    Page(["04"], "many", 0, r"note release",
         "Eleven clients are not accepted. Each report of the listener leads "
         "to one accept, so the next steps repeat."),
    Page(["05", "twin:slots-not-compacted"], "abort", 1,
         r"\[client 2\] send",
         "On the right, client 2 has sent 12 bytes and the server does not "
         "receive them: its array for poll no longer contains fd:5."),
    Page(["05", "06"], "three", 1, r"epoll_ctl ADD fd:\d+ \(c1\)",
         "On the right, the kernel now keeps fd:5 in its interest list. On the "
         "left, the server passes its whole array to each poll."),
    Page(["06", "twin:hup-first"], "last-message", 1, r"IN\S*HUP",
         "IN and HUP are in one report, and 7 bytes are waiting. The next step "
         "on the right closes the connection, and the message is lost."),
    Page(["06", "07"], "slow-reader", 1, r"send to .*EAGAIN",
         "The send buffer of client 1 is full. The left server blocks in send. "
         "The right server keeps the bytes and returns to its wait."),
    Page(["08", "twin:one-recv"], "flood", 1, FORGOTTEN,
         "epoll has reported the 80,000 bytes of client 1 once. The twin on the "
         "right has received 4,096 of them and waits for a second report. With "
         "EPOLLET there is none, because nothing more arrives. So a server "
         "must drain each client: it calls recv until EAGAIN. The stage on the "
         "left does this in batches. It remembers that client 1 has more, and "
         "passes the time-out 0."),
    Page(["09"], "hand-over", 0, r"note release",
         "Two workers wait on one epoll instance. EPOLLONESHOT reports a "
         "client to one of them only, until this worker registers it again."),
    Page(["10"], "idle-timeout", 0, r"done, num:0",
         "The wait reports 0 descriptors, because its time-out ends it. Then "
         "the timer closes the idle client."),
    Page(["11"], "slow-headers", 0, r"done, num:0",
         "The time-out for the head of the request ends the wait. Client 1 "
         "gets 408, and client 2 has its answer."),
]


def name_of(words, scenario):
    """Returns the name of the page of one or two stages or twins, and of a
    scenario or its path: 08-epoll-et-one-recv-flood. A user's own scenario has
    -own after it."""
    sides = [step_play.find(word).name.removeprefix("twin:").replace(":", "-")
             for word in words]
    name = "-".join([*sides, os.path.basename(scenario).removesuffix(".scn")])
    folder = os.path.dirname(scenario)
    if folder and os.path.realpath(folder) != os.path.realpath(SCENARIOS):
        name += "-own"  # one of demos/scenarios may have the same name
    return name


def find(name):
    """Returns the page of the text with this name, or None."""
    return next((page for page in PAGES if page.name == name), None)


def opening(page, steps):
    """Returns the step, from 1, at which a page opens. Each step has a list
    of two texts for each side: the line, or "", and the forgotten bytes."""
    for number, sides in enumerate(steps, 1):
        text, lost = sides[page.side]
        if lost if page.line == FORGOTTEN else re.search(page.line, text):
            return number
    raise Trouble(f"the page {page.name} does not have the line at which it "
                  f"opens: {page.line}")
