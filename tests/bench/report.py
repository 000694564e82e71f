"""report.py - tables, plots and comparisons of what measure.py has found."""
import os
import shutil
import statistics
import subprocess

from measure import ACTIVE, BARE, CROWD, SOME, describe
from peer import Problem

DEARER = 1.1  # the generator pays so much more than with the limit
SERIES = {  # of the plots, and how they look
    "02-threads": "#8c564b", "04-select": "#ff7f0e", "05-poll": "#d62728",
    "06-epoll-lt": "#1f77b4", "07-epollout": "#17becf",
    "08-epoll-et": "#2ca02c", "09-epoll-pool": "#00441b",
    "10-reactor": "#7f7f7f", "libuv": "#bcbd22", "bufferevent": "#9467bd",
    "io_uring": "#e377c2", BARE: "black"}


def markdown(lines):
    """Rows of cells, of which the first is the heading, as a table."""
    widths = [max(map(len, column)) for column in zip(*lines)]
    lines = [lines[0], ["-" * width for width in widths], *lines[1:]]
    return "".join("| " + " | ".join(
        cell.ljust(width) for cell, width in zip(line, widths)) + " |\n"
        for line in lines)


def cell(result, name, active, idle, key):
    return result["servers"].get(name, {}).get(f"{active}+{idle}", {}).get(key)


def flattered(result, name, active):
    """Does the generator pay for what this server spares itself?"""
    own = cell(result, name, active, 0, "generator_us")
    bare = cell(result, BARE, active, 0, "generator_us")
    return own is not None and own > DEARER * bare


def x_cell(result, name, active):
    x = cell(result, name, active, 0, "x")
    if x is None:
        return "-"
    spread = cell(result, name, active, 0, "spread")
    mark = "*" if flattered(result, name, active) else ""
    return f"{x:.2f}{mark} ±{spread:.2f}"


def us(value):
    return "-" if value is None else f"{value:.2f}" if value < 100 else \
        f"{value:.0f}"


def idle_of(result):
    found = {int(key.split("+")[1]) for row in result["servers"].values()
             for key in row if key.startswith(f"{SOME}+")}
    return sorted(found)


def x_table(result):
    rows = [["server", *(f"{a:,} active" for a in ACTIVE), "calls, 1 active",
             "calls, 100"]]
    for name in result["servers"]:
        counts = result["calls"].get(name, {})
        rows.append([name, *(x_cell(result, name, a) for a in ACTIVE),
                     *(f"{counts[a]:.2f}" if a in counts else "-"
                       for a in ("1", "100"))])
    return markdown(rows)


def us_table(result):
    idle = [i for i in idle_of(result) if i > 0]
    rows = [["server", *(f"{a:,} active" for a in ACTIVE),
             *(f"{SOME} among {i:,} idle" for i in idle),
             "bytes a connection"]]
    for name in result["servers"]:
        memory = [cell(result, name, SOME, i, "bytes_per_connection")
                  for i in idle]
        memory = [m for m in memory if m is not None]
        rows.append([
            name,
            *(us(cell(result, name, a, 0, "server_us")) for a in ACTIVE),
            *(us(cell(result, name, SOME, i, "server_us")) for i in idle),
            f"{memory[-1]:,}" if memory else "-"])
    return markdown(rows)


def closed_table(result):
    rows = [["server", "messages a second", "p50", "p99", "p99.9"]]
    for name, row in result["closed"].items():
        rows.append([name, f"{row['per_second']:,.0f}",
                     *(f"{row[key]:,.0f} µs" for key in
                       ("p50_us", "p99_us", "p999_us"))])
    return markdown(rows)


def shares(result, watched):
    """{share: {way: ns}} for so many watched, medians of all tries."""
    found = {}
    for row in result["dispatch"]:
        if row["watched"] == watched:
            found.setdefault(row["active"], []).append(row)
    ways = ("select", "poll", "lt", "et", "oneshot")
    return {active / watched: {
        way: statistics.median(row[way] for row in rows) for way in ways}
        for active, rows in sorted(found.items())}


def watched_of(result):
    return sorted({row["watched"] for row in result["dispatch"]})


def overtakes(points):
    """From which share on poll stays the cheaper one, or None."""
    previous = where = None
    for share, ns in points.items():
        lead = ns["poll"] / ns["lt"] - 1
        if lead > 0:
            where = None
        elif previous and previous[1] > 0:
            where = previous[0] + (share - previous[0]) * previous[1] / (
                previous[1] - lead)
        previous = share, lead
    return where


def dispatch_table(result):
    rows = [["watched", "active", "select", "poll", "epoll LT", "ET",
             "ONESHOT"]]
    text = ""
    for watched in watched_of(result):
        points = shares(result, watched)
        for share, ns in points.items():
            rows.append([f"{watched:,}", f"{round(share * watched):,}",
                         *(f"{ns[way]:,.0f}" for way in
                           ("select", "poll", "lt", "et", "oneshot"))])
        where = overtakes(points)
        text += f"Of {watched:,} descriptors, " + (
            f"a wait of poll is cheaper than one of epoll where {where:.0%} "
            "and more are active.\n" if where else
            "a wait of poll is never cheaper than one of epoll.\n")
    return markdown(rows) + "\n" + text


def heading(result):
    return (f"Measured on {result['date']} on {describe(result['machine'])}; "
            f"load {result['load']}.\n")


def text(result):
    """All tables."""
    many = idle_of(result)
    out = [heading(result)]
    out.append(
        "x: the server's CPU time over that of its clients, as a multiple of "
        "the same for the\nbare loop in the same run; ±: half the distance "
        "between the quartiles of its starts.\n*: the clients pay more for "
        "this server, which flatters its x. Calls: system calls a\nmessage."
        "\n\n"
        + x_table(result))
    out.append("Microseconds of the server's CPU for a message, and its "
               "memory:\n\n" + us_table(result))
    if result["closed"]:
        out.append(f"In a closed loop server and {CROWD} clients run at once, "
                   "on CPUs of their own; this\nwanders, and no figure is to "
                   "be compared but by its size:\n\n" + closed_table(result))
    if result["dispatch"]:
        out.append("Nanoseconds for each event, to be told what is ready:\n\n"
                   + dispatch_table(result))
    if many and many[-1] > 0:
        lines = []
        for name in result["servers"]:
            first = cell(result, name, SOME, many[0], "x")
            last = cell(result, name, SOME, many[-1], "x")
            if first and last:
                lines.append(f"{name} {last / first - 1:+.0%}")
        out.append(f"x among {many[-1]:,} idle clients, beside {many[0]:,}: "
                   + ", ".join(lines) + ".\n")
    out += left_out(result)
    return "\n".join(out)


def left_out(result):
    lines = [f"- {o['server']} ({o['what']}): {o['why']}\n"
             for o in result["left_out"]]
    return ["Left out:\n\n" + "".join(lines)] if lines else []


# --- plots ------------------------------------------------------------------

STYLE = """set encoding utf8
set terminal svg size 720,440 background rgb "white" font "sans-serif,13"
set border 3
set tics nomirror out
set grid lc rgb "#dddddd" lt 1
set key outside right top reverse Left samplen 2
"""


def quote(words):
    return '"' + words.replace("\\", "\\\\").replace('"', '\\"').replace(
        "\n", "\\n") + '"'


def draw(path, title, settings, series):
    """One plot: series are (name, look, [(x, y)])."""
    script = STYLE + f"set output {quote(path)}\n"
    script += f"set title {quote(title)} noenhanced\n" + settings
    for number, (_, _, points) in enumerate(series):
        script += f"$data{number} << EOD\n" + "".join(
            f"{x:g} {y:g}\n" for x, y in points) + "EOD\n"
    script += "plot " + ", ".join(
        f"$data{number} using 1:2 with linespoints {look} lw 2 pt 7 ps .5 "
        f"title {quote(name)} noenhanced"
        for number, (name, look, _) in enumerate(series)) + "\n"
    run = subprocess.run(["gnuplot"], input=script, capture_output=True,
                         text=True, check=False)
    if run.returncode != 0:
        raise Problem(f"gnuplot cannot draw {path}: {run.stderr.strip()}")


def lines_of(result, points):
    """The series of a plot: each server of SERIES, and those added."""
    known = [n for n in result["servers"]
             if n in SERIES or n in result["added"]]
    series = []
    for name in known:
        found = [(p, cell(result, name, *clients, "server_us"))
                 for p, clients in points]
        found = [(p, y) for p, y in found if y is not None]
        look = f"lc rgb '{SERIES.get(name, '#e31a1c')}'"
        if len(found) > 1:
            series.append((name, look, found))
    return series


def plots(result, directory):
    """Draw all that there are figures for. Returns the paths."""
    if not shutil.which("gnuplot"):
        raise Problem("plots need gnuplot (scripts/setup bench installs it)")
    os.makedirs(directory, exist_ok=True)
    host = result["machine"]
    where = (f"{result['date']}, a{' virtual' * host['virtual']} machine with "
             f"{host['cpus']} CPU{'s' * (host['cpus'] != 1)}, Linux "
             f"{'.'.join(host['kernel'].split('.')[:2])}")
    made = []

    def one(name, title, settings, series):
        if series:
            made.append(os.path.join(directory, name + ".svg"))
            draw(made[-1], f"{title}\n{where}", settings, series)

    idle = idle_of(result)
    # A logarithm has no 0: none idle stands at 1.
    one("idle", f"What a message costs the server, {SOME} clients active",
        "set logscale xy\nset xlabel 'idle clients (none: at 1)'\n"
        "set ylabel 'CPU time for a message, µs'\n",
        lines_of(result, [(max(i, 1), (SOME, i)) for i in idle]))
    one("active", "What a message costs the server, nobody idle",
        "set logscale xy\nset xlabel 'active clients'\n"
        "set ylabel 'CPU time for a message, µs'\n",
        lines_of(result, [(a, (a, 0)) for a in ACTIVE]))
    looks = ["lc rgb '#d62728'", "lc rgb '#ff7f0e'", "lc rgb '#9467bd'"]
    series = [("epoll LT", "lc rgb '#1f77b4'", [(0, 1), (100, 1)])]
    series += [(f"poll, {w:,} watched", look,
                [(share * 100, ns["poll"] / ns["lt"])
                 for share, ns in shares(result, w).items()])
               for w, look in zip(watched_of(result), looks)]
    one("share", "Where poll overtakes epoll",
        "set logscale y\nset xlabel 'share of the descriptors that are "
        "active, %'\nset ylabel 'cost of an event, epoll LT = 1'\n",
        series if len(series) > 1 else [])
    return made


# --- comparing --------------------------------------------------------------

def same_machine(old, new):
    """Two runs on two machines say nothing about each other."""
    names = {"cpu": "the CPU", "cpus": "the number of CPUs",
             "memory_gb": "the memory", "kernel": "the kernel",
             "virtual": "being virtual", "id": "the installation"}
    differ = [f"{what} ({old.get(key)}, now {new.get(key)})"
              for key, what in names.items() if old.get(key) != new.get(key)]
    if differ:
        raise Problem("these figures are not to be compared, they come from "
                      "two machines, which differ in " + ", ".join(differ))


def compare(old, new):
    """x then and now, and how far they are apart."""
    same_machine(old["machine"], new["machine"])
    columns = sorted({key for row in new["servers"].values() for key in row},
                     key=lambda key: [int(n) for n in key.split("+")][::-1])
    rows = [["server", *(key.replace("+", " + ") + " idle"
                         for key in columns)]]
    changes = []
    for name, row in new["servers"].items():
        cells = []
        for key in columns:
            before = old["servers"].get(name, {}).get(key, {}).get("x")
            after = row.get(key, {}).get("x")
            if before is None or after is None:
                cells.append("-")
                continue
            cells.append(f"{before:.2f} → {after:.2f}")
            if name != BARE:
                changes.append((abs(after / before - 1), name, key))
        rows.append([name, *cells])
    if not changes:
        raise Problem("the two runs have no figure in common")
    changes.sort()
    sizes = [change[0] for change in changes]
    return (f"x, on {old['date']} and on {new['date']}:\n\n{markdown(rows)}\n"
            f"Half of the {len(sizes)} figures changed by less than "
            f"{statistics.median(sizes):.1%}, nine in ten by less than "
            f"{sizes[int(len(sizes) * .9)]:.1%}; the largest is "
            f"{changes[-1][1]}, {changes[-1][2].replace('+', ' + ')} idle: "
            f"{sizes[-1]:.1%}.\n")
