"""book_theme.py - makes the theme of some packages whole.

Furo is made of several files. Debian 12 ships them as they are, so that a page
would import a script and a style sheet that a browser cannot find, and its
compiler of style sheets lost the colours of a browser that prefers dark. Each
function changes nothing in a theme that does not have the flaw.
"""
import os
import re

from .program import read_text, write_text

NORMALIZE = "/usr/share/javascript/normalize.css/normalize.min.css"
IMPORT = "@import url(/javascript/normalize.css/normalize.css);\n"
DARK = re.compile(r'@media not print \{\n  body\[data-theme="dark"\].*?\} \}\n',
                  re.DOTALL)


def mend_style(css):
    """Returns Furo's style sheet without its import, and with the colours of
    dark where the browser prefers them."""
    if css.startswith(IMPORT) and os.path.exists(NORMALIZE):
        css = read_text(NORMALIZE) + "\n" + css[len(IMPORT):]
    dark = DARK.search(css)
    if dark and "prefers-color-scheme" not in css:
        preferred = dark[0].replace('body[data-theme="dark"]',
                                    'body:not([data-theme="light"])')
        css = (css[:dark.end()] + "@media (prefers-color-scheme: dark) {\n" +
               preferred + "}\n" + css[dark.end():])
    return css


def mend_script(script, read_import):
    """Returns a script with the one that it imports. From a disk, a browser
    does not load modules."""
    first, _, others = script.partition("\n")
    imported = re.fullmatch(r'import Gumshoe from "\./([\w.-]+)";', first)
    if imported is None:
        return script
    return read_import(imported[1]) + "\n(() => {\n" + others + "})();\n"


def use_short(static, name):
    """Takes the short form of a library, where Debian has both."""
    path = os.path.join(static, name + ".js")
    long, short = (os.path.join("/usr/share/javascript", name, name + end)
                   for end in (".js", ".min.js"))
    if all(map(os.path.exists, (path, long, short))) and \
            read_text(path) == read_text(long):
        write_text(path, read_text(short))


def mend_theme(static):
    """Changes the files of the theme in a folder."""
    for name in ("jquery", "underscore"):
        use_short(static, name)
    style = os.path.join(static, "styles", "furo.css")
    if os.path.exists(style):
        write_text(style, mend_style(read_text(style)))
    scripts = os.path.join(static, "scripts")
    script = os.path.join(scripts, "furo.js")
    if os.path.exists(script):
        write_text(script, mend_script(read_text(script), lambda name:
                                       read_text(os.path.join(scripts, name))))


def without_indentation(html):
    """Returns a page without the blanks at the beginning of its lines, which a
    browser shows in <pre> only."""
    parts = re.split(r"(<pre.*?</pre>)", html, flags=re.DOTALL)
    return "".join(part if part.startswith("<pre") else
                   re.sub(r"\n\s+", "\n", part) for part in parts)


def shrink(folder):
    """Removes the indentation of all pages, because Sphinx cannot omit it. It
    was 5% of the book."""
    for where, _, names in os.walk(folder):
        for name in names:
            if name.endswith(".html"):
                path = os.path.join(where, name)
                write_text(path, without_indentation(read_text(path)))
