"""text_check.py - makes again what the text shows, and compares."""
import difflib
import os
import re
import sys

from . import answers
from .diagram import golden, sequence
from .excerpts import excerpt, patch
from .exercise import read_all
from .exercises import index
from .pages import all_pages, anchors, read_page
from .program import TOP, Trouble, read_text, write_text
from .prototypes import problem as prototype_problem
from .sessions import alone, console, output
from .stages import runs_here
from .variations import RULES, redact

SHAPE = [
    "What you will learn", "What was missing", "One new idea", "The call",
    "The loop", "Predict", "Run it", "Read the trace", "Break it",
    "Limitations", "Where real software does this", "Recap",
    "Common mistakes", "Check yourself", "Exercises", "Further reading",
]
KINDS = {
    "sessions": "console sessions and output of commands",
    "excerpts": "excerpts of sources, patches, prototypes; the exercises",
    "traces": "golden traces and the diagrams made of them",
    "links": "links to files and headings",
    "shape": "the parts of chapters; that stages and claims are named; "
             "fences that nothing makes",
    "answers": "that each exercise in words has an answer, and evidence for it",
}

EXERCISES = "walkthrough/exercises/README.md"
INDEX = "<!-- exercises -->", "<!-- end of exercises -->"

MAKERS = {
    "excerpt": ("excerpts", "c", excerpt),
    "patch": ("excerpts", "diff", patch),
    "golden": ("traces", "text", golden),
    "sequence": ("traces", "mermaid", sequence),
    "output": ("sessions", None, output),
}


def maker(fence):
    """Returns the kind of a fence, its language, and the function that makes
    it."""
    for word, made in MAKERS.items():
        if word in fence.marks:
            return made
    if fence.lang == "console" and "console" not in fence.marks:
        return "sessions", "console", console
    return None, None, None


def has_anchor(path, anchor):
    """Does a page have this heading, or another file this line, #L17?"""
    if path.endswith(".md"):
        return anchor in anchors(read_page(path))
    line = re.fullmatch(r"L([1-9]\d*)", anchor)
    return (line is not None and os.path.isfile(os.path.join(TOP, path)) and
            int(line[1]) <= len(read_text(os.path.join(TOP, path)).splitlines()))


class Check:
    def __init__(self, kinds, updating):
        self.kinds, self.updating = kinds, updating
        self.problems = self.made = self.changed = self.exercised = 0
        self.excused = []

    def problem(self, place, text):
        self.problems += 1
        print(f"{place}: {text}", flush=True)

    def fence(self, fence):
        """Checks a fence. Returns its new body, or None if it is right."""
        kind, lang, make = maker(fence)
        if make is None and \
                fence.marks.get("by hand", "").startswith("prototypes"):
            if "excerpts" in self.kinds:
                self.prototypes(fence)
            return None
        if make is None:
            why = fence.marks.get("by hand") or \
                fence.marks.get("console", "").removeprefix("not run: ")
            if why:
                self.excused.append(f"{fence.place}: {why}")
            elif "shape" in self.kinds:
                self.problem(fence.place, "nothing makes the body of this "
                             "fence; see scripts/walkthrough --help")
            return None
        if kind not in self.kinds:
            return None
        if kind == "sessions" and "/12-io-uring.md:" in fence.place and \
                not runs_here("12-io-uring"):
            self.excused.append(f"{fence.place}: stage 12 cannot run here")
            return None
        if lang and fence.lang != lang:
            self.problem(fence.place, f"this fence should be ```{lang}")
        rules = fence.marks.get("vary", "").split()
        for rule in rules:
            if rule not in RULES:
                self.problem(fence.place, f"there is no rule '{rule}'; there "
                             f"are {', '.join(RULES)}")
        try:
            fresh = make(fence)
        except Trouble as trouble:
            self.problem(fence.place, str(trouble))
            return None
        self.made += 1
        old, new = redact(fence.body, rules), redact(fresh, rules)
        if old == new:
            return None
        if self.updating:
            self.changed += 1
            old, new = fence.body, fresh
        else:
            self.problems += 1
        print(f"{fence.place}: this output is no longer what comes out:")
        for line in list(difflib.unified_diff(
                old, new, "text", "now", lineterm="", n=2))[2:]:
            print("    " + line)
        sys.stdout.flush()
        return fresh

    def prototypes(self, fence):
        if fence.lang != "c":
            self.problem(fence.place, "this fence should be ```c")
        wrong = prototype_problem(fence)
        self.made += 1
        if wrong is not None:
            self.problem(fence.place, wrong)

    def page(self, page):
        news = [(f, self.fence(f)) for f in page.fences]
        if self.updating:
            for fence, fresh in reversed(news):
                if fresh is not None:
                    end = fence.line + len(fence.body)
                    page.lines[fence.line:end] = fresh
            if any(fresh is not None for _, fresh in news):
                write_text(os.path.join(TOP, page.path),
                           "\n".join(page.lines))
        if page.path == EXERCISES and "excerpts" in self.kinds:
            self.exercises(page)
        if "answers" in self.kinds:
            count, wrong = answers.check(
                page, lambda fence: maker(fence)[2] is not None)
            self.exercised += count
            for number, text in wrong:
                self.problem(f"{page.path}:{number}", text)
        if "links" in self.kinds:
            self.links(page)
        if "shape" in self.kinds:
            for number in page.stray:
                self.problem(f"{page.path}:{number}",
                             "no fence follows this comment")
            if re.fullmatch(r"walkthrough/\d\d-.*\.md", page.path):
                self.chapter(page)

    def exercises(self, page):
        """Checks the table of exercises, which is made from their folders."""
        try:
            begin = page.lines.index(INDEX[0]) + 1
            end = page.lines.index(INDEX[1])
        except ValueError:
            self.problem(page.path, "the table of exercises is between the "
                         f"lines {INDEX[0]} and {INDEX[1]}")
            return
        fresh = index(read_all())
        self.made += 1
        if page.lines[begin:end] == fresh:
            return
        if self.updating:
            self.changed += 1
            page.lines[begin:end] = fresh
            write_text(os.path.join(TOP, page.path), "\n".join(page.lines))
        else:
            self.problem(f"{page.path}:{begin}", "this table is not what the "
                         "folders contain: run scripts/walkthrough --update "
                         f"{page.path}")

    def links(self, page):
        for number, line in page.prose:
            for target in re.findall(r"\]\(([^()\s]+)\)",
                                     re.sub(r"`[^`]*`", "", line)):
                if re.match(r"[a-z]+:", target):
                    continue
                path, _, anchor = target.partition("#")
                path = os.path.normpath(os.path.join(
                    os.path.dirname(page.path), path)) if path else page.path
                there = os.path.join(TOP, path)
                if not os.path.exists(there):
                    self.problem(f"{page.path}:{number}",
                                 f"there is no {target}")
                elif anchor and not has_anchor(path, anchor):
                    self.problem(f"{page.path}:{number}",
                                 f"{path} has no heading #{anchor}")

    def chapter(self, page):
        found = [line[3:] for _, line in page.prose if line.startswith("## ")]
        for line in difflib.ndiff(SHAPE, found):
            if line[0] in "-+":
                word = "lacks" if line[0] == "-" else "has no place for"
                self.problem(page.path, f"a chapter's shape: it {word} "
                             f"'## {line[2:]}'")
        stage = os.path.basename(page.path)[:-3]
        if not os.path.exists(os.path.join(TOP, "demos", stage + ".c")):
            self.problem(page.path, f"there is no stage {stage}")
        if not any(line.startswith(f"# {stage}") for line in page.lines):
            self.problem(page.path, f"its title does not begin '# {stage}'")

    def named(self):
        """Every stage has a chapter, every claim is named, all are listed."""
        text = "".join(read_text(os.path.join(TOP, p))
                       for p in all_pages() if p.startswith("walkthrough/"))
        map_path = os.path.join(TOP, "walkthrough", "README.md")
        chapters = ""
        if os.path.exists(map_path):
            chapters = read_text(map_path)
        for name in sorted(os.listdir(os.path.join(TOP, "demos"))):
            if re.fullmatch(r"[0-9].*\.c", name) is None:
                continue
            stage = name[:-2]
            page = f"walkthrough/{stage}.md"
            if not os.path.exists(os.path.join(TOP, page)):
                self.problem(page, f"stage {stage} has no chapter")
        claims = os.path.join(TOP, "walkthrough", "claims")
        for name in sorted(os.listdir(claims) if os.path.isdir(claims)
                           else []):
            if name.endswith((".c", ".sh")) and name not in text:
                self.problem(f"walkthrough/claims/{name}",
                             "no page names this claim")
        for path in all_pages():
            name = path.removeprefix("walkthrough/")
            if re.fullmatch(r"exercises/.*/task\.md", name):
                continue  # the page of the exercises has them
            if name not in (path, "README.md") and f"({name})" not in chapters:
                self.problem("walkthrough/README.md", f"no link to {name}")


def descriptions():
    """Returns the rules and the kinds as texts."""
    rules = "".join(f"  {name:<10} {what}:\n{'':13}{why}\n"
                    for name, (what, why, _) in RULES.items())
    kinds = "".join(f"  {name:<10} {what}\n" for name, what in KINDS.items())
    return rules, kinds


def check_text(files, kinds, updating):
    """Checks pages, or all if none is named, and prints the result. Returns
    True if nothing is wrong."""
    paths = [os.path.relpath(os.path.realpath(f), TOP) for f in files]
    for path in paths:
        if not os.path.isfile(os.path.join(TOP, path)):
            raise Trouble(f"there is no file {path}")
    check = Check(kinds or list(KINDS), updating)
    lock = alone() if "sessions" in check.kinds else None
    try:
        for path in paths or all_pages():
            check.page(read_page(path))
        if not paths and "shape" in check.kinds:
            check.named()
    finally:
        if lock is not None:
            lock.close()
    for excuse in check.excused:
        print(f"not made: {excuse}")
    if check.exercised:
        print(f"{check.exercised} exercises in words")
    print(f"{check.made} made again, {check.changed} changed, "
          f"{check.problems} wrong, {len(check.excused)} not made")
    return check.problems == 0
