"""book_pages.py - writes the pages of the book for Sphinx.

The Markdown of the repository is the source. A page keeps its lines where
possible, so that a warning names the right one. What changes:

  links      [text](../demos/06-epoll-lt.c#L9) becomes page:demos/06-epoll-lt.c#L9,
             which book/conf.py resolves; a file or folder that is linked to
             becomes a page of its own
  pictures   one for light and one for dark
  Mermaid    a picture, and the text of the diagram
  excerpts   a link to their line of the source
  glossary   terms, which the index and the search know
  step: ARGS the page that scripts/step writes for these arguments
"""
from __future__ import annotations

import os
import re
import textwrap

from . import step_pages
from .excerpts import excerpt, read_lines
from .pages import all_pages, read_page
from .program import TOP, Trouble, read_text, write_text

LINK = re.compile(r"`[^`]*`|\]\(([^()\s]+)\)")
DARK = re.compile(r"@media \(prefers-color-scheme:dark\)\{((?:[^{}]*\{[^{}]*\})*)\}")
ENTRY = re.compile(r'- <a id="[\w-]+"></a>\*\*(.+?)\*\*: ?(.*)')
STEP = re.compile(r"<!-- step: (.+) -->")


def name_of(path):
    """Returns the name of the page that a file or folder becomes."""
    if os.path.isdir(os.path.join(TOP, path)):
        return os.path.join(path, "index")
    folder, name = os.path.split(path)
    if name == "README.md":
        return os.path.join(folder, "index")
    return path[:-3] if name.endswith(".md") else path


def two_pictures(svg):
    """Returns an SVG for light and one for dark, of one that adapts itself."""
    return DARK.sub("", svg), DARK.sub(lambda match: match[1], svg)


class Book:
    """Writes pages into a folder."""

    def __init__(self, folder, diagrams):
        self.folder = folder
        self.diagrams = diagrams  # text of a diagram: its SVGs
        self.wanted = set()  # files and folders that pages link to

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        write_text(path, text)

    def write_pair(self, name, light, dark):
        self.write(f"{name}.light.svg", light)
        self.write(f"{name}.dark.svg", dark)

    def picture(self, path):
        """Copies a picture. Returns the end of its name in the book."""
        svg = read_text(os.path.join(TOP, path))
        if DARK.search(svg) is None:
            self.write(path, svg)
            return ".svg"
        self.write_pair(path[:-4], *two_pictures(svg))
        return ".light.svg"

    def target(self, page, target):
        """Returns the target of a link in the book."""
        if re.match(r"[a-z]+:", target):
            return target
        path, _, anchor = target.partition("#")
        path = os.path.normpath(os.path.join(os.path.dirname(page), path)) \
            if path else page
        if path.endswith(".svg"):
            return target[:-4] + self.picture(path)
        if not path.endswith(".md"):
            self.wanted.add(path)
        return f"page:{name_of(path)}" + (f"#{anchor}" if anchor else "")

    def prose(self, page, line):
        def link(match):
            if match[1] is None:
                return match[0]
            return f"]({self.target(page, match[1])})"
        return LINK.sub(link, line)

    def source_of(self, fence):
        """Returns a link to the line of the source that an excerpt shows."""
        path = fence.marks["excerpt"].split(" ")[0]
        try:
            body, lines = excerpt(fence), read_lines(path)
        except Trouble:
            return None
        first = next((i for i in range(len(lines)) if textwrap.dedent(
            "\n".join(lines[i:i + len(body)])).split("\n") == body), None)
        if first is None:
            return None
        self.wanted.add(path)
        return f"[{path}, line {first + 1}](page:{name_of(path)}#L{first + 1})"

    def diagram(self, page, fence):
        """Returns the lines of a diagram, or None if it stays text."""
        text = "\n".join(fence.body)
        if text not in self.diagrams:
            return None
        name = f"diagram-{fence.line}"
        place = os.path.join(os.path.dirname(page), name_of(page) + "-" + name)
        self.write_pair(name_of(page) + "-" + name, *self.diagrams[text])
        kind = "Sequence diagram" if text.startswith("sequenceDiagram") \
            else "Diagram"
        image = os.path.basename(place) + ".light.svg"
        return [f"![{kind}; its text follows]({image})", "",
                "<details><summary>The diagram as text</summary>", "",
                "```text", *fence.body, "```", "", "</details>", ""]

    def step_page(self, page, arguments):
        """Returns the lines that show a page of scripts/step."""
        words, _, scenario = arguments.partition(" -s ")
        name = step_pages.name_of(words.split(), scenario or "one")
        if step_pages.find(name) is None:
            raise Trouble(f"{page}: scripts/step --all writes no page {name}, "
                          f"which the comment 'step: {arguments}' names")
        here = os.path.relpath(".", os.path.dirname(page) or ".")
        address = os.path.normpath(os.path.join(here, "step", f"{name}.html"))
        return ["", "```{raw} html",
                f'<div class="step-page"><p><a href="{address}">Step through '
                f'this trace: {arguments}</a></p><iframe src="{address}" '
                f'title="{arguments}" loading="lazy"></iframe></div>', "```", ""]

    def glossary(self, lines):
        """Makes each list of terms a glossary that Sphinx knows."""
        result, inside = [], False
        for line in lines:
            entry = ENTRY.fullmatch(line)
            if entry:
                if not inside:
                    result.append("```{glossary}")
                else:
                    result.append("")
                result += [entry[1], "  " + entry[2]]
                inside = True
                continue
            if inside and not line.startswith("  "):
                result.append("```")
                inside = False
            result.append(line)
        return result

    def page(self, path):
        page = read_page(path)
        lines = list(page.lines)
        for number, line in page.prose:
            lines[number - 1] = self.prose(path, line)
        for fence in reversed(page.fences):
            if "excerpt" in fence.marks:
                source = self.source_of(fence)
                if source:
                    lines[fence.line - 2] = source
            if fence.lang == "mermaid":
                drawn = self.diagram(path, fence)
                first, end = fence.line - 1, fence.line + len(fence.body) + 1
                if drawn is None:
                    lines[first] = "```text"
                else:
                    lines[first:end] = drawn
        result = []
        for line in lines:
            step = STEP.fullmatch(line)
            result += self.step_page(path, step[1]) if step else [line]
        if path == os.path.join("walkthrough", "glossary.md"):
            result = self.glossary(result)
        return "\n".join(result)

    def source_page(self, path):
        """A file that pages link to."""
        self.write(name_of(path) + ".md",
                   f"---\norphan: true\n---\n\n# {path}\n\n"
                   f"```{{source}} {os.path.join(TOP, path)}\n```\n")

    def folder_page(self, path):
        names = sorted(os.listdir(os.path.join(TOP, path)))
        files = [os.path.join(path, n) for n in names
                 if os.path.isfile(os.path.join(TOP, path, n))]
        self.wanted.update(files)
        self.write(name_of(path) + ".md", f"---\norphan: true\n---\n\n# {path}\n\n"
                   + "".join(f"- [{os.path.basename(f)}](page:{name_of(f)})\n"
                             for f in files))

    def sources(self):
        done = set()
        while self.wanted - done:
            for path in sorted(self.wanted - done):
                done.add(path)
                if os.path.isdir(os.path.join(TOP, path)):
                    self.folder_page(path)
                else:
                    self.source_page(path)


def linked(page):
    """Returns the pages that the tables of walkthrough/README.md link to, by
    section."""
    found, section = {}, ""
    for _, line in page.prose:
        if line.startswith("## "):
            section = line[3:]
        row = re.match(r"\| \[[^]]*\]\(([^()#]+\.md)\)", line)
        if row:
            found.setdefault(section, []).append(
                name_of("walkthrough/" + row[1]))
    return found


def contents(paths):
    """Returns the table of contents, which the sidebar shows."""
    parts = linked(read_page("walkthrough/README.md"))
    names = [name_of(path) for path in paths]
    taken = {name for part in parts.values() for name in part}
    parts = {"": ["walkthrough/index"], **parts}
    others = [n for n in names if n not in taken | {"index", *parts[""]}]
    parts["More"] = ["step/index",
                     *sorted(others, key=lambda n: n == "CONTRIBUTING"),
                     "genindex"]
    text = ""
    for caption, part in parts.items():
        text += "\n```{toctree}\n:hidden:\n" + (
            f":caption: {caption}\n" if caption else "") + "\n" + \
            "".join(f"{name}\n" for name in part) + "```\n"
    return text


def write_pages(folder, diagrams):
    """Writes all pages into a folder. diagrams has the SVGs of a diagram by its
    text. Returns the numbers of pages of the text and of sources."""
    book = Book(folder, diagrams)
    paths = all_pages()
    for path in paths:
        text = book.page(path)
        if path == "README.md":
            text += contents(paths)
        book.write(name_of(path) + ".md", text)
    names = sorted(page.name for page in step_pages.PAGES)
    book.write("step/index.md", "# Step through a trace\n\n" + "".join(
        f"- <a href=\"{name}.html\">{name}</a>\n" for name in names))
    book.sources()
    return len(paths), len(book.wanted)
