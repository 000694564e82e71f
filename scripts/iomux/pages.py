"""pages.py - reads the pages of the text: fences, marks, headings."""
import dataclasses
import os
import re

from .program import TOP, Trouble, read_text


@dataclasses.dataclass
class Fence:
    path: str  # of the file, from the top
    line: int  # of the opening fence, from 1
    lang: str
    marks: dict  # word: argument, from the comments above it
    body: list

    @property
    def place(self):
        return f"{self.path}:{self.line}"


MARK = re.compile(r"<!-- (vary|console|excerpt|golden|sequence|patch|output|"
                  r"by hand): (.+) -->")


@dataclasses.dataclass
class Page:
    path: str
    lines: list
    fences: list
    prose: list  # (number, line) outside of fences
    stray: list  # numbers of marks that no fence follows


def read_page(path):
    lines = read_text(os.path.join(TOP, path)).split("\n")
    page = Page(path, lines, [], [], [])
    marks, fence, close = {}, None, None
    for number, line in enumerate(lines, 1):
        if fence is not None:
            if line == close:
                page.fences.append(fence)
                fence = None
            else:
                fence.body.append(line)
            continue
        start = re.fullmatch(r"(`{3,})([\w-]*)", line)
        mark = MARK.fullmatch(line)
        if start:
            close = start[1]
            fence = Fence(path, number, start[2], marks, [])
            marks = {}
        elif mark:
            marks[mark[1]] = mark[2].strip()
        else:
            if marks:
                page.stray.append(number - 1)
                marks = {}
            page.prose.append((number, line))
    if fence is not None:
        raise Trouble(f"{fence.place}: this fence has no end")
    return page


def all_pages():
    paths = ["README.md", "CONTRIBUTING.md"]
    for folder, _, names in os.walk(os.path.join(TOP, "walkthrough")):
        paths += [os.path.relpath(os.path.join(folder, name), TOP)
                  for name in names if name.endswith(".md")]
    paths[2:] = sorted(paths[2:])
    return [p for p in paths if os.path.exists(os.path.join(TOP, p))]


def anchors(page):
    """Returns the anchors of a page: those of its headings, as GitHub makes
    them, and those that begin a list item, <a id="..."></a>."""
    found = {}
    for _, line in page.prose:
        item = re.match(r'- <a id="([\w-]+)"></a>', line)
        if item:
            found[item[1]] = 0
        heading = re.fullmatch(r"#+ (.*)", line)
        if heading:
            text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading[1]).lower()
            slug = re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
            count = found.get(slug, -1) + 1
            found[slug] = count
            if count:
                found[f"{slug}-{count}"] = 0
    return found
