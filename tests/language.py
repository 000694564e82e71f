#!/usr/bin/env python3
"""Look for words and sentences that are hard to read.

usage: language.py              check all texts and comments
       language.py FILE...      check these files, converted or not
       language.py terms        check the links to and from the glossary
       language.py prune        remove from language.txt what is not needed

The texts are README.md, CONTRIBUTING.md and all of walkthrough/. The comments
are those of demos/, common/ and walkthrough/. The rules:

  word       a word or phrase of WORDS, below
  no         "X is no Y"; write "X is not a Y"
  who        who, whose or whom after a thing; write that, which or it
  long       a sentence of more than 30 words
  semicolon  a semicolon in a paragraph; tables, list items and comments at the
             end of a line may have one

tests/language.txt lists the places where a rule does not apply, each with its
reason, and the files that have not been converted yet. An entry that is no
longer needed is reported too.

Exit status: 0 nothing found, 1 something found, 2 usage.
"""
import dataclasses
import os
import re
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LIST = os.path.join(TOP, "tests", "language.txt")
MAX_WORDS = 30
UNCONVERTED = "not converted"

WORDS = [
    "lest", "whom", "anew", "hence", "bears?", "mend(s|ed|ing)?", "for ?ever",
    "once more", "be had", "(is|are|was|were|been|be) done with", "of above",
    "letter by letter", "some day", r"so (many|long)(?=[.,;:!?)]| as\b)",
    "nobody", "somebody", "everybody", "whoever",
]
THINGS = ["sockets?", "connections?", "threads?", "calls?", "descriptors?",
          "clients?", "servers?", "workers?", "programs?", "stages?", "peers?",
          "process(es)?", "kernels?", "loops?", "listeners?"]
PATTERNS = {
    "word": rf"\b({'|'.join(WORDS)})\b",
    "no": r"(?<!\bthere )\b(is|are|was|were) no (?!longer\b|more\b|less\b)",
    "who": rf"\b({'|'.join(THINGS)}),? (who|whose|whom)\b",
}


@dataclasses.dataclass
class Unit:
    """A paragraph, an item, a cell, a heading or a comment."""
    line: int
    text: str
    free: bool  # may contain semicolons


def plain(text):
    """Removes the markup of Markdown. Code becomes one word."""
    text = re.sub(r"(`+)(.+?)\1", "Code", text)
    text = re.sub(r"!?\[([^]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"<!--.*?-->|</?[a-z]+[^>]*>|[*_]{2}", " ", text)
    return text


def page_units(text):
    """Returns the units of a page, without its fences."""
    units, fence, open_unit = [], None, None
    for number, line in enumerate(text.split("\n"), 1):
        start = re.match(r" *(`{3,})", line)
        if fence is not None:
            if start and start[1] == fence:
                fence = None
            continue
        if start:
            fence, open_unit = start[1], None
        elif not line.strip() or line.startswith("<!--"):
            open_unit = None
        elif line.startswith("    ") and open_unit is None:
            continue  # an indented block of code
        elif line.startswith("|"):
            open_unit = None
            cells = re.sub(r"`[^`]*`", "Code", line).strip("|").split("|")
            units += [Unit(number, cell, True) for cell in cells]
        elif line.startswith("#"):
            open_unit = None
            units.append(Unit(number, line.lstrip("# "), True))
        elif re.match(r" *([-*]|\d+\.) ", line):
            item = re.sub(r"^ *([-*]|\d+\.) ", "", line)
            open_unit = Unit(number, item, True)
            units.append(open_unit)
        elif open_unit is not None:
            open_unit.text += "\n" + line
        else:
            open_unit = Unit(number, line, False)
            units.append(open_unit)
    for unit in units:
        unit.text = plain(unit.text)
    return units


def comment_units(text):
    """Returns the comments of a C file, one unit a paragraph or a field of a
    header. Lines that are indented in a comment are code or tables."""
    token = r'"(?:\\.|[^"\\\n])*"|' r"'(?:\\.|[^'\\\n])*'|/\*.*?\*/"
    units = []
    for found in re.finditer(token, text, re.S):
        if not found[0].startswith("/*"):
            continue
        number = text.count("\n", 0, found.start()) + 1
        before = text[text.rfind("\n", 0, found.start()) + 1:found.start()]
        open_unit = None
        for offset, line in enumerate(found[0][2:-2].split("\n")):
            line = re.sub(r"^\s*\* ?", "", line) if offset else line
            field = re.match(r"(Claim|Truth|Settled by|Try):", line)
            if not line.strip() or line.startswith("    "):
                open_unit = None
            elif open_unit is None or field:
                free = bool(before.strip() or
                            field and field[1] == "Settled by")  # a list
                open_unit = Unit(number + offset, line, free)
                units.append(open_unit)
            else:
                open_unit.text += "\n" + line
    return units


def scenario_units(text):
    """Returns the comments of a scenario."""
    return [Unit(number, line[1:], True)
            for number, line in enumerate(text.split("\n"), 1)
            if re.match(r"# (?!options )", line)]


def read(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as file:
        return file.read()


def units_of(path):
    if path.endswith(".md"):
        return page_units(read(path))
    if path.endswith(".scn"):
        return scenario_units(read(path))
    return comment_units(read(path))


def findings(unit):
    """Yields (rule, words, line) for what is wrong in a unit."""
    for rule, pattern in PATTERNS.items():
        spaced = pattern.replace(" ", r"\s")
        for found in re.finditer(spaced, unit.text, re.I):
            line = unit.line + unit.text.count("\n", 0, found.start())
            yield rule, " ".join(found[0].split()), line
    for sentence in re.split(r"(?<=[.!?])[)\"']*\s+", unit.text):
        words = re.findall(r"\S*\w\S*", sentence)
        if len(words) > MAX_WORDS:
            line = unit.line + unit.text.count("\n", 0,
                                               unit.text.find(sentence))
            yield "long", f"{len(words)} words: {' '.join(words[:6])} ...", line
    # In parentheses a semicolon separates citations, or commands.
    text = re.sub(r"\([^()]*\)", lambda found: found[0].replace(";", ","),
                  unit.text)
    if not unit.free and ";" in text:
        place = text.find(";")
        near = text[:place + 1].split()
        line = unit.line + text.count("\n", 0, place)
        yield "semicolon", " ".join(near[-5:]), line


class Exceptions:
    """The entries of tests/language.txt, and which of them are needed."""

    def __init__(self):
        self.entries = {}  # (file, words): number of the line
        self.needed = set()
        for number, line in enumerate(read(LIST).split("\n"), 1):
            if not line or line.startswith("#"):
                continue
            parts = [part.strip() for part in line.split(" | ")]
            if len(parts) != 3 or not all(parts):
                raise SystemExit(f"{LIST}:{number}: an entry is FILE | WORDS | "
                                 "REASON")
            self.entries[parts[0], parts[1].lower()] = number

    def allows(self, path, words):
        entry = path, words.lower()
        if entry in self.entries:
            self.needed.add(entry)
        return entry in self.entries

    def unneeded(self, terms):
        """Returns the entries that are not needed: those of terms, or the
        others."""
        return [entry for entry in self.entries
                if entry not in self.needed and terms == (entry[1][0] == "#")]

    def report(self, terms):
        """Prints what is not needed. Returns how many entries that is."""
        for path, words in self.unneeded(terms):
            print(f"tests/language.txt: {path} no longer needs '{words}'; "
                  "remove this line (language.py prune)")
        return len(self.unneeded(terms))


def all_files():
    paths = ["README.md", "CONTRIBUTING.md"]
    for folder in ("walkthrough", "demos", "common"):
        for place, _, names in os.walk(os.path.join(TOP, folder)):
            place = os.path.relpath(place, TOP)
            endings = (".md", ".c", ".h", ".scn")
            paths += sorted(os.path.join(place, name) for name in names
                            if name.endswith(endings))
    return paths


def check(paths, exceptions):
    """Prints what is wrong in the files. Returns how much that is."""
    wrong = 0
    for path in paths:
        left = [(rule, words, line) for unit in units_of(path)
                for rule, words, line in findings(unit)
                if not exceptions.allows(path, words)]
        if left and exceptions.allows(path, UNCONVERTED):
            continue
        for rule, words, line in left:
            print(f"{path}:{line}: {rule}: {words}")
        wrong += len(left)
    return wrong


def check_all(exceptions):
    paths = all_files()
    wrong = check(paths, exceptions) + exceptions.report(False)
    later = [entry for entry in exceptions.needed if entry[1] == UNCONVERTED]
    print(f"{wrong} found in {len(paths) - len(later)} files; "
          f"{len(later)} files are not converted yet")
    return wrong


TERM = re.compile(r'- <a id="([a-z0-9-]+)"></a>\*\*(.+?)\*\*')


def check_terms(exceptions):
    """A term is defined once, in alphabetical order, and the page that its
    entry names links to it."""
    wrong = 0
    glossary = re.split(r"\n(?=- |\n|#)", read("walkthrough/glossary.md"))
    terms = [(found, entry) for entry in glossary
             for found in [TERM.match(entry)] if found]
    names = [found[2].lower() for found, _ in terms]
    for one, two in zip(names, names[1:]):
        if one >= two:
            print(f"walkthrough/glossary.md: '{two}' follows '{one}'")
            wrong += 1
    for found, entry in terms:
        home = re.search(r"\]\(([\w./-]+\.md)\)$", entry.strip())
        if home is None:
            print(f"walkthrough/glossary.md: the entry of '{found[2]}' does "
                  "not end with a link to the chapter that introduces it")
            wrong += 1
            continue
        page = os.path.normpath(os.path.join("walkthrough", home[1]))
        if f"glossary.md#{found[1]})" not in read(page) and \
                not exceptions.allows(page, "#" + found[1]):
            print(f"{page}: no link to glossary.md#{found[1]}")
            wrong += 1
    wrong += exceptions.report(True)
    print(f"{wrong} wrong in {len(terms)} terms")
    return wrong if terms else 1


def prune(exceptions):
    """Removes the entries that are not needed."""
    check_all(exceptions)
    check_terms(exceptions)
    removed = {exceptions.entries[entry] for terms in (False, True)
               for entry in exceptions.unneeded(terms)}
    lines = read(LIST).split("\n")
    with open(LIST, "w", encoding="utf-8") as file:
        file.write("\n".join(line for number, line in enumerate(lines, 1)
                              if number not in removed))
    print(f"{len(removed)} lines removed")


def main(arguments):
    if any(argument.startswith("-") for argument in arguments):
        print(__doc__.split("\n\n")[1], file=sys.stderr)
        return 2
    exceptions = Exceptions()
    if arguments == ["terms"]:
        return 1 if check_terms(exceptions) else 0
    if arguments == ["prune"]:
        prune(exceptions)
        return 0
    for argument in arguments:
        if not os.path.isfile(argument):
            print(f"language.py: there is no file {argument}", file=sys.stderr)
            return 2
    if arguments:
        paths = [os.path.relpath(os.path.realpath(a), TOP) for a in arguments]
        for path in paths:
            exceptions.entries.pop((path, UNCONVERTED), None)
        return 1 if check(paths, exceptions) else 0
    return 1 if check_all(exceptions) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
