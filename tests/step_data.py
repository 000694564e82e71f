#!/usr/bin/env python3
"""Print the data of a page of scripts/step as JSON, in full.

usage: step_data.py FILE

The page has them packed (scripts/iomux/step_pack.py). This program restores
them without the script of the page, so that a test compares both.
"""
import json
import re
import sys


def moment(packed, last):
    """Returns a moment. last is the one before it, or None."""
    text, place, table, *more = packed
    place = place or last["place"]
    found = {"text": text, "table": table, "blocked": "", "lost": 0,
             "place": [place[0], place[1], place[-1]],
             **(more[0] if more else {})}
    label, _, rest = text.partition("]")
    about = "about to call: " if found.get("about") else ""
    found["now"] = f"{label}] {about}{rest.lstrip(' ')}"
    return found


def steps(packed, sides):
    found, at = [], [0] * sides
    for step in packed:
        shown, rest = step[:sides], [*step[sides:], None, None, None, None]
        at = [old if new < 0 else new for old, new in zip(at, shown)]
        found.append({"at": at, "own": [new >= 0 for new in shown],
                      "line": rest[0] or 0, "mark": rest[1] or "",
                      "times": rest[2] or 0, "group": rest[3] or 0})
    return found


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        text = re.search(r'<script [^>]*id="data">(.*)</script>', file.read())
    data = json.loads(text[1])
    for side in data["sides"]:
        found = []
        for packed in side["moments"]:
            found.append(moment(packed, found[-1] if found else None))
        side["moments"] = found
    data["steps"] = steps(data["steps"], len(data["sides"]))
    data["tables"] = [
        {"caption": caption, "rows": [data["texts"][row] for row in rows]}
        for caption, *rows in data["tables"]]
    json.dump(data, sys.stdout)


main()
