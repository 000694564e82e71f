#!/usr/bin/env python3
"""Measure C files as a reader sees them.

usage: code_size.py lines FILE...      number of lines of code
       code_size.py code FILE...       the lines of code
       code_size.py functions FILE...  lines, depth and name of each function
       code_size.py neighbours         what one stage changes in the one before

A line of code is not empty, not a comment and not an #include.
A function's lines are counted from its first line to its closing brace, with
comments. Its depth is that of its most indented statement; the statements of
the function's own block have depth 1. Both rely on the layout of .clang-format.

"neighbours" prints how many lines the diff of each pair has, as it was when
this was written and as it is now: what scripts/compare-code shows, and the same
for code alone, without comments. The exit status is 1 if the sum of either has
grown, or if a pair has grown by more than 15 lines.
"""
import os
import re
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MAX_GROWTH = 15
# Added and removed lines in commit 59a64c9, with comments and without.
BEFORE = {
    "01-02": (103, 85), "02-03": (140, 120), "03-04": (73, 67),
    "04-05": (84, 67), "05-06": (107, 90), "06-07": (102, 89),
    "07-08": (168, 155), "08-09": (230, 204), "09-10": (220, 194),
    "10-11": (300 + 25, 261 + 19),  # and --drain, which is newer
}


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def without_comments(text):
    """The lines without comments and without empty lines."""
    tokens = r'"(?:\\.|[^"\\])*"|' r"'(?:\\.|[^'\\])*'|/\*.*?\*/|//[^\n]*"
    text = re.sub(tokens, lambda found: found[0] if found[0][0] in "\"'"
                  else "\n" * found[0].count("\n"), text, flags=re.S)
    return [line.rstrip() for line in text.split("\n") if line.strip()]


def code(text):
    """The lines of code."""
    return [line for line in without_comments(text)
            if not line.startswith("#include")]


def functions(text):
    """Of each function: lines, depth, name."""
    lines, found, start = text.split("\n"), [], None
    for number, line in enumerate(lines):
        head = re.match(r"[a-z].*?(\w+)\(", line)
        if head and not line.startswith("typedef"):
            start, name = number, head[1]
        elif line == "{" and start is not None:
            body = number + 1
        elif line == "}" and start is not None:
            found.append((number - start + 1,
                          depth("\n".join(lines[body:number])), name))
            start = None
        elif line == "" or line.endswith(";") and line[0] != " ":
            start = start if line == "" else None
    return found


def depth(body):
    """The depth of the most indented statement."""
    deepest, parentheses, last = 0, 0, ";"
    for line in without_comments(body):
        text = line.strip()
        starts = parentheses == 0 and (
            last[-1] in ";{})" or re.search(r"(\b(else|do)|:)$", last))
        if starts and text[0] not in "?:}":
            deepest = max(deepest, (len(line) - len(text)) // 4)
        plain = re.sub(r'"(\\.|[^"\\])*"|' r"'(\\.|[^'\\])*'", "x", text)
        parentheses += plain.count("(") - plain.count(")")
        parentheses += plain.count("[") - plain.count("]")
        last = text
    return deepest


def stages():
    folder = os.path.join(TOP, "demos")
    return [os.path.join(folder, name) for name in sorted(os.listdir(folder))
            if re.fullmatch(r"\d\d-.*\.c", name)]


def difference(one, two):
    """How many lines diff(1) adds and removes, as in scripts/compare-code."""
    with tempfile.TemporaryDirectory() as directory:
        files = [os.path.join(directory, name) for name in ("one", "two")]
        for path, lines in zip(files, (one, two)):
            with open(path, "w", encoding="utf-8") as file:
                file.writelines(line + "\n" for line in lines)
        shown = subprocess.run(["diff", *files], capture_output=True, text=True)
    return len(re.findall(r"^[<>]", shown.stdout, re.M))


def neighbours():
    """Print the table. True: nothing has grown too much."""
    print("             with comments    code alone")
    print("pair         then     now     then     now")
    sums, good = [0, 0, 0, 0], True
    paths = stages()
    for a, b in zip(paths, paths[1:]):
        pair = os.path.basename(a)[:2] + "-" + os.path.basename(b)[:2]
        whole = [read(path).split("\n */\n", 1)[1] for path in (a, b)]
        now = (difference(*[text.split("\n") for text in whole]),
               difference(*map(code, whole)))
        then = BEFORE.get(pair)
        if then is None:
            print(f"{pair} {now[0]:>16} {now[1]:>16}")
            continue
        grown = any(n > t + MAX_GROWTH for n, t in zip(now, then))
        good = good and not grown
        row = then[0], now[0], then[1], now[1]
        sums = [s + value for s, value in zip(sums, row)]
        print(f"{pair} {row[0]:>12} {row[1]:>7} {row[2]:>8} {row[3]:>7}"
              + grown * f"  grown by more than {MAX_GROWTH} lines")
    print("sum   {:>12} {:>7} {:>8} {:>7}".format(*sums))
    return good and sums[1] < sums[0] and sums[3] < sums[2]


def main(arguments):
    if len(arguments) > 1 and arguments[0] == "lines":
        for path in arguments[1:]:
            print(len(code(read(path))), path)
    elif len(arguments) > 1 and arguments[0] == "code":
        for path in arguments[1:]:
            print("\n".join(code(read(path))))
    elif len(arguments) > 1 and arguments[0] == "functions":
        for path in arguments[1:]:
            for lines, deepest, name in functions(read(path)):
                print(lines, deepest, name, path)
    elif arguments == ["neighbours"]:
        return 0 if neighbours() else 1
    else:
        print(__doc__.split("\n\n")[1], file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
