"""svg.py - a drawing as an SVG file, for light and dark pages."""
from xml.sax.saxutils import escape

WIDTH = 760
COLOURS = {  # of a class: light, dark
    "paper": ("#ffffff", "#0d1117"),
    "ink": ("#1f2328", "#e6edf3"),
    "dim": ("#59636e", "#9198a1"),
    "line": ("#d1d9e0", "#3d444d"),
    "box": ("#f6f8fa", "#161b22"),
    "wait": ("#f5c26b", "#8a5a00"),
    "serve": ("#0a5bb5", "#4c9dff"),
    "mark": ("#b3261e", "#ff8f85"),
}


def style():
    """Returns the style sheet: f-NAME fills and s-NAME strokes."""
    def rules(which):
        return "".join(f".f-{name}{{fill:{pair[which]}}}"
                       f".s-{name}{{stroke:{pair[which]}}}"
                       for name, pair in COLOURS.items())
    return ("text{font:13px system-ui,'Segoe UI',Helvetica,Arial,sans-serif}"
            "text.small{font-size:11.5px}text.head{font-weight:600}"
            "text.code{font-family:ui-monospace,Menlo,Consolas,"
            "'DejaVu Sans Mono',monospace;font-size:12px}"
            ".s{fill:none;stroke-width:1.5}.dash{stroke-dasharray:4 3}\n"
            f"{rules(0)}\n"
            f"@media (prefers-color-scheme:dark){{{rules(1)}}}")


class Drawing:
    """An SVG file. Coordinates and sizes are in pixels, from the top left."""

    def __init__(self, title, description):
        self.title, self.description = title, description
        self.parts = []

    def text(self, x, y, words, colour="ink", look="", anchor="start"):
        place = "" if anchor == "start" else f' text-anchor="{anchor}"'
        self.parts.append(f'<text x="{x:g}" y="{y:g}"{place} '
                          f'class="{f"f-{colour} {look}".strip()}">'
                          f"{escape(words)}</text>")

    def box(self, x, y, width, height, fill="box", edge="line", corner=4):
        self.parts.append(f'<rect x="{x:g}" y="{y:g}" width="{width:g}" '
                          f'height="{height:g}" rx="{corner}" '
                          f'class="f-{fill} s-{edge}"/>')

    def bar(self, x, y, width, height, fill):
        self.parts.append(f'<rect x="{x:g}" y="{y:g}" width="{width:g}" '
                          f'height="{height:g}" class="f-{fill}"/>')

    def path(self, steps, colour="ink", look=""):
        classes = f"s s-{colour} {look}".strip()
        self.parts.append(f'<path d="{steps}" class="{classes}"/>')

    def dot(self, x, y, fill, edge):
        self.parts.append(f'<circle cx="{x:g}" cy="{y:g}" r="4" '
                          f'stroke-width="1.5" class="f-{fill} s-{edge}"/>')

    def cross(self, x, y):
        """Draws a cross on a disc, so that it is visible on a dark bar."""
        self.parts.append(f'<circle cx="{x:g}" cy="{y:g}" r="7" '
                          'class="f-paper"/>')
        self.path(f"M{x - 4:g} {y - 4:g}l8 8m0 -8l-8 8", "mark")

    def arrow(self, x, y, to_x, colour="ink", both=False):
        """Draws a horizontal arrow from x to to_x."""
        back = -5 if to_x > x else 5
        steps = f"M{x:g} {y:g}H{to_x:g}m{back} -4l{-back} 4l{back} 4"
        if both:
            steps += f"M{x - back:g} {y - 4:g}l{back} 4l{-back} 4"
        self.path(steps, colour)

    def svg(self, height):
        return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" '
                f'height="{height:g}" viewBox="0 0 {WIDTH} {height:g}" '
                'role="img" aria-labelledby="title desc">\n'
                f'<title id="title">{escape(self.title)}</title>\n'
                f'<desc id="desc">{escape(self.description)}</desc>\n'
                f"<style>\n{style()}\n</style>\n"
                f'<rect width="{WIDTH}" height="{height:g}" '
                'class="f-paper"/>\n' + "\n".join(self.parts) + "\n</svg>\n")
