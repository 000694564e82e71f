"""step_page.py - writes one page: two stages, or one, that play a scenario, as
HTML that needs nothing else. step.html, step.css and step.js are its parts.
"""
from __future__ import annotations

import base64
import hashlib
import html
import json
import os
import re
import string

from . import step, step_pages, step_play
from .program import TOP, Trouble, read_text, write_text
from .stages import DEMOS, build, find_scenario
from .step_data import (COLUMNS, KERNEL_COLUMNS, before_call, caption, cells,
                        forgotten, handed_over, keeps_in_kernel, moments, now)
from .step_pack import pack
from .step_rows import align, fold, lanes, mark
from .step_source import Sources

PARTS = os.path.join(TOP, "scripts", "iomux")
MOST_LINES = 20_000  # of a trace, before repeated lines are folded
MOST_ROWS = 1000
MOST_BYTES = 300_000
AGAIN = ("07-epollout", "08-epoll-et")  # ask: is it reported again?


# --- the data of one side ----------------------------------------------------

def idea_of(stage):
    """Returns the first line of the header of a stage."""
    text = read_text(os.path.join(DEMOS, stage + ".c"))
    found = re.match(r"/\*\n \* \S+ - (.*)\n", text)
    return found[1] if found else ""


def reported_again(moments, at):
    """Does the next wait report a descriptor again that this one reports,
    before a client acts?"""
    who = moments[at].event.who
    reports, after = [set()], moments[at + 1:]
    for moment in after:
        event = moment.event
        if event.of_client:
            break
        if event.who != who:
            continue
        if event.kind == "woke":
            reports.append(set())
        elif event.kind == "ready":
            reports[-1].add(event.fd)
    return len(reports) > 1 and bool(reports[0] & reports[1])


class Side:
    """One column of the page."""

    def __init__(self, player, scenario, tables):
        self.name, self.stage = player.name, player.stage
        self.bug, self.tables = player.bug, tables
        self.trace = player.play(scenario)
        if len(self.trace.events) > MOST_LINES:
            raise Trouble(f"the trace of {self.name} has "
                          f"{len(self.trace.events)} lines, and a page is "
                          f"made of {MOST_LINES} at most; choose a smaller "
                          f"scenario, for example -s {step_play.SCENARIO}")
        self.sources = Sources(player.top, player.stage)
        self.moments = moments(self.trace, self.sources)
        self.handed = handed_over(self.moments)
        self.keeps = keeps_in_kernel(self.moments)

    def idea(self):
        """Returns the idea of the stage, or the first sentence about the bug
        of the twin."""
        if not self.bug:
            return idea_of(self.stage)
        return f"{self.stage} with a bug: {self.bug.split('. ')[0]}."

    def table(self, moment):
        """Returns the number of a table in the list of all tables."""
        shown = {"caption": caption(moment, self.handed),
                 "rows": cells(moment, self.keeps)}
        text = json.dumps(shown)
        return self.tables.setdefault(text, len(self.tables))

    def moment(self, at):
        moment = self.moments[at]
        event = moment.event
        said = {"text": event.text, "about": before_call(event),
                "blocked": now(moment),
                "lost": sum(forgotten(moment, fd) for fd in moment.state.rows),
                "place": list(moment.place), "table": self.table(moment)}
        if event.kind == "woke":
            said["num"], said["call"] = event.num, event.call
            if self.stage in AGAIN and event.num > 0:
                said["again"] = reported_again(self.moments, at)
        return said

    def data(self, rows, index, changed):
        """Returns what the page knows of this side, and the number of the
        moment that each row shows."""
        shown, numbers, at = [], {}, []
        for row in rows:
            event = row.sides[index]
            if event is not None and event not in numbers:
                numbers[event] = len(shown)
                shown.append(self.moment(event))
            at.append(len(shown) - 1 if event is None else numbers[event])
        files = [{"name": name, "lines": lines, "changed": new}
                 for name, lines, new in zip(self.sources.names,
                                             self.sources.lines, changed)]
        return {"label": self.name, "idea": self.idea(),
                "bug": self.bug, "files": files,
                "columns": COLUMNS + (KERNEL_COLUMNS if self.keeps else []),
                "moments": shown,
                "lanes": lanes(rows, index, self.moments)}, at


# --- the page ----------------------------------------------------------------

def differences(sides):
    """Returns, for each side, the lines of each file that the other side does
    not have, if both are the same stage."""
    nothing = [[[] for _ in side.sources.names] for side in sides]
    if len(sides) != 2 or sides[0].stage != sides[1].stage:
        return nothing
    return [side.sources.unlike(other.sources)
            for side, other in (sides, sides[::-1])]


def line_of_scenario(moment, name):
    """Returns the line of the scenario that a line of the trace is from."""
    if moment.event.of_server:
        return None
    found = re.search(rf"(?:^|/){re.escape(name)}\.scn:(\d+)$",
                      moment.event.src or "")
    return int(found[1]) if found else None


def steps_of(rows, sides, at, name):
    """Returns the steps of the page. The first moment of a side is shown
    until its own first row."""
    line, steps = 0, []
    for number, row in enumerate(rows):
        for index, event in enumerate(row.sides):
            if event is not None:
                found = line_of_scenario(sides[index].moments[event], name)
                line = found or line
        steps.append({"mark": mark(row, sides_moments(sides)),
                      "times": row.times, "group": row.group, "line": line,
                      "own": [event is not None for event in row.sides],
                      "at": [max(a[number], 0) for a in at]})
    return steps


def sides_moments(sides):
    return [side.moments for side in sides]


def page_data(sides, tables, scenario, opens):
    """Returns the data of a page, a dict. opens is the Page of the text that
    it is, or None."""
    rows = fold(align(sides_moments(sides)), sides_moments(sides))
    name = os.path.basename(scenario).removesuffix(".scn")
    if len(rows) > MOST_ROWS:
        raise Trouble(f"the scenario {name} has {len(rows)} steps, and a page "
                      f"at most {MOST_ROWS}; choose a smaller one, for example "
                      f"-s {step_play.SCENARIO}")
    changed = differences(sides)
    shown, at = zip(*(side.data(rows, index, changed[index])
                      for index, side in enumerate(sides)))
    steps = steps_of(rows, sides, at, name)
    title = " and ".join(side.name for side in sides)
    data = {"title": f"{title}: {name}",
            "scenario": {"name": name, "lines":
                         read_text(scenario).rstrip("\n").split("\n")},
            "start": 1, "side": 0, "look": "", "sides": shown, "steps": steps,
            "tables": [json.loads(text) for text in tables]}
    if opens is not None:
        data["look"], data["side"] = opens.look, opens.side
        data["start"] = step_pages.opening(opens, [
            [(side["moments"][number]["text"] if own else "",
              side["moments"][number]["lost"] if own else 0)
             for side, number, own in zip(shown, step["at"], step["own"])]
            for step in steps])
    return data


def source_hash(text):
    """Returns a hash for a Content-Security-Policy."""
    digest = hashlib.sha256(text.encode()).digest()
    return "sha256-" + base64.b64encode(digest).decode()


def json_for_script(data):
    """Returns JSON that cannot end the element that it is in."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=True)
    return text.replace("<", "\\u003c")


def plain_text(sides):
    """Returns what a browser without JavaScript shows."""
    texts = [(side.name, "\n".join(step.lines(side.trace))) for side in sides]
    return "\n".join(f"<h2>{html.escape(name)}</h2>\n"
                     f"<pre>{html.escape(text)}</pre>" for name, text in texts)


def page(words, scenario, opens):
    """Returns a page of one or two stages, which play a scenario, as HTML."""
    tables = {}
    sides = [Side(step_play.find(word), scenario, tables) for word in words]
    data = page_data(sides, tables, scenario, opens)
    style, script = (read_text(os.path.join(PARTS, name))
                     for name in ("step.css", "step.js"))
    text = string.Template(read_text(os.path.join(PARTS, "step.html")))
    written = text.substitute(
        title=html.escape(data["title"]), style=style, script=script,
        style_hash=source_hash(style), script_hash=source_hash(script),
        data=json_for_script(pack(data)), text=plain_text(sides))
    size = len(written.encode())
    if size > MOST_BYTES:
        raise Trouble(f"the page would have {size} bytes, and at most "
                      f"{MOST_BYTES} are allowed; choose a smaller scenario, "
                      f"for example -s {step_play.SCENARIO}")
    return written


def write(words, scenario, output=None):
    """Writes the page of one or two stages, and prints its path, which is
    build/step/A-B-SCENARIO.html unless output is another one."""
    path = find_scenario(scenario)
    name = step_pages.name_of(words, path)
    text = page(words, path, step_pages.find(name))
    file = (os.path.join(step_pages.FOLDER, name + ".html")
            if output is None else output)
    if output is None:
        os.makedirs(step_pages.FOLDER, exist_ok=True)
    write_text(file, text)
    print(os.path.relpath(file, TOP) if output is None else file)


def make(words, scenario, output, every):
    """Does what the command line of scripts/step asks for."""
    if every and (words or output is not None):
        raise Trouble("--all writes the pages of the text: no STAGE and no "
                      "--output is possible with it")
    if not every and len(words) not in (1, 2):
        raise Trouble(f"give one stage or two, not {len(words)}: "
                      "scripts/step 8 twin:one-recv -s flood")
    players = [step_play.find(word) for word in words]
    find_scenario(scenario)
    if not every:
        step_play.prepare(players)
        write(words, scenario, output)
        return
    build()
    for one in step_pages.PAGES:
        write(one.words, one.scenario)
