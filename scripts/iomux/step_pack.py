"""step_pack.py - the data of a page with every text and default once, so that
a page is small. unpack() in step.js does the reverse.

In the packed data

    texts   are the rows of all tables, and "tables" are [caption, row...],
            where a row is its number
    moment  is [text, place, table, more]. A place is [file, first line, last
            line], without the last line if it is the first, or 0 for that of
            the moment before it. "more" has the other fields that are not
            empty, and is left out if there are none
    step    is [moment of each side..., line, mark, times, group]. A side that
            has no line of its own is -1. Empty fields at the end are left out
"""
EMPTY = ("", 0, False)


def trimmed(values):
    """Returns a list without its empty end."""
    while values and values[-1] in EMPTY:
        values = values[:-1]
    return values


def pack_tables(tables):
    numbers = {}

    def number(row):
        return numbers.setdefault(tuple(row), len(numbers))

    packed = [[table["caption"], *map(number, table["rows"])]
              for table in tables]
    return packed, [list(row) for row in numbers]


def pack_moments(moments):
    packed, last = [], None
    for moment in moments:
        place = moment["place"]
        short = place[:2] if place[1] == place[2] else place
        more = {key: value for key, value in moment.items()
                if key not in ("text", "place", "table") and
                (value not in ("", 0) or key in ("num", "again"))}
        packed.append([moment["text"], 0 if place == last else short,
                       moment["table"], *([more] if more else [])])
        last = place
    return packed


def pack_step(step):
    at = [number if own else -1 for number, own in zip(step["at"], step["own"])]
    return at + trimmed([step["line"], step["mark"], step["times"],
                         step["group"]])


def pack(data):
    """Returns the packed data of a page."""
    tables, texts = pack_tables(data["tables"])
    sides = [{**side, "moments": pack_moments(side["moments"])}
             for side in data["sides"]]
    return {**data, "sides": sides, "tables": tables, "texts": texts,
            "steps": [pack_step(step) for step in data["steps"]]}
