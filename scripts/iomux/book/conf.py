"""conf.py - the configuration of the book: how Sphinx turns the pages that
book_pages.py writes into a site. scripts/book starts it.

book_pages.py writes a link between pages as [text](page:NAME#ANCHOR). This file
resolves it, so that neither depends on the version of MyST.
"""
import re

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx import addnodes
from sphinx.errors import ConfigError
from sphinx.transforms import SphinxTransform
from sphinx.util import logging

try:
    import furo  # noqa: F401
    import myst_parser  # noqa: F401
except ImportError as missing:
    raise ConfigError(f"Python's module {missing.name} is missing; "
                      "scripts/setup book installs it") from None

project = "iomux"
author = "iomux"
html_title = "iomux: Linux I/O multiplexing"
language = "en"
root_doc = "index"
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
myst_url_schemes = ["http", "https", "mailto", "page"]

html_theme = "furo"
pygments_style = "default"
pygments_dark_style = "github-dark"
highlight_language = "none"
html_static_path = ["static"]
html_css_files = ["book.css"]
html_js_files = ["book.js"]
html_copy_source = False
html_show_copyright = False
html_use_index = True
# A page of a source has no list of chapters, because there are 200 of them.
html_sidebars = {"**.[a-z]*": ["sidebar/brand.html", "sidebar/search.html"]}
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#0a5bb5",
                            "color-brand-content": "#0a5bb5"},
    "dark_css_variables": {"color-brand-primary": "#6cb0ff",
                           "color-brand-content": "#6cb0ff"},
}

GLOSSARY = "walkthrough/glossary"
# Names and punctuation look like other text.
PLAIN = re.compile(r'<span class="(?:w|p|n|o)">([^<]*)</span>')
log = logging.getLogger(__name__)


def slug_of(heading):
    """Returns the anchor that GitHub gives a heading."""
    text = re.sub(r"[^\w\- ]", "", heading.astext().lower())
    return text.replace(" ", "-")


def put_id(document, node, name):
    """Makes name the first id of a node. Another node that has it because of
    docutils' own rules loses it."""
    other = document.ids.get(name)
    if other is not None and other is not node and name in other["ids"]:
        other["ids"].remove(name)
    node["ids"] = [name] + [i for i in node["ids"] if i != name]
    document.ids[name] = node


class Anchors(SphinxTransform):
    """Headings and terms have the anchors that they have on GitHub."""

    default_priority = 400

    def apply(self, **_):
        seen = {}
        for section in list(self.document.findall(nodes.section)):
            slug = slug_of(section[0])
            count = seen[slug] = seen.get(slug, -1) + 1
            put_id(self.document, section,
                   f"{slug}-{count}" if count else slug)
        for term in list(self.document.findall(nodes.term)):
            if any(i.startswith("term-") for i in term["ids"]):
                term["ids"].append(slug_of(term))


class Pictures(SphinxTransform):
    """A picture that adapts to light and dark is two pictures, and Furo shows
    one of them."""

    default_priority = 401

    def apply(self, **_):
        for light in list(self.document.findall(nodes.image)):
            if not light["uri"].endswith(".light.svg"):
                continue
            dark = light.deepcopy()
            dark["uri"] = light["uri"].replace(".light.svg", ".dark.svg")
            light["classes"].append("only-light")
            dark["classes"].append("only-dark")
            light.parent.insert(light.parent.index(light) + 1, dark)


class Index(SphinxTransform):
    """The index lists the calls, flags and errors of the glossary, and where
    a chapter introduces a term."""

    default_priority = 402

    def apply(self, **_):
        if self.env.docname == GLOSSARY:
            self.tables()
        terms = self.terms()
        for strong in list(self.document.findall(nodes.strong)):
            for link in list(strong.findall(nodes.reference)):
                page, _, anchor = link.get("refuri", "").partition("#")
                if page == f"page:{GLOSSARY}":
                    self.entry(strong, terms.get(anchor, anchor))

    def terms(self):
        """Returns the terms of the glossary by their anchors."""
        with open(self.env.doc2path(GLOSSARY), encoding="utf-8") as file:
            text = file.read()
        names = [line for part in re.findall(r"```{glossary}\n([^`]*)```", text)
                 for line in part.split("\n") if re.match(r"\w", line)]
        return {name.lower().replace(" ", "-"): name for name in names}

    def tables(self):
        for section in list(self.document.findall(nodes.section)):
            if section["ids"][0] not in ("calls", "flags", "errors"):
                continue
            for body in list(section.findall(nodes.tbody)):
                for row in body:
                    for name in list(row[0].findall(nodes.literal)):
                        self.entry(name, name.astext())

    def entry(self, node, name):
        """Puts an entry and its anchor before an inline node."""
        label = f"index-of-{nodes.make_id(name)}"
        while label in self.document.ids:
            label += "-"
        target = nodes.target("", "", ids=[label])
        self.document.ids[label] = target
        entry = addnodes.index(entries=[("single", name, label, "", None)])
        at = node.parent.index(node)
        node.parent.insert(at, [entry, target])


class Source(Directive):
    """A source file, with an anchor #L17 at line 17, as on GitHub."""

    required_arguments = 1

    def run(self):
        from pygments import highlight
        from pygments.formatters import HtmlFormatter
        from pygments.lexers import TextLexer, get_lexer_for_filename
        from pygments.util import ClassNotFound
        path = self.arguments[0]
        with open(path, encoding="utf-8") as file:
            text = file.read()
        try:
            lexer = get_lexer_for_filename(path, stripnl=False)
        except ClassNotFound:
            lexer = TextLexer(stripnl=False)
        html = highlight(text, lexer, HtmlFormatter(nowrap=True))
        html = PLAIN.sub(r"\1", html)
        lines = html.removesuffix("\n").split("\n")
        width = len(str(len(lines)))
        body = "".join(
            f'<a id="L{n}" href="#L{n}">{n:{width}}</a> {line}\n'
            for n, line in enumerate(lines, 1))
        html = f'<div class="highlight"><pre>{body}</pre></div>'
        return [nodes.raw("", f'<div class="source-file notranslate">{html}'
                          "</div>", format="html")]


def remember_anchors(app, document):
    """Notes which anchors a page has."""
    known = {i for node in document.findall(nodes.Element)
             for i in node.get("ids", ())}
    for node in document.findall(nodes.raw):
        known |= set(re.findall(r'\bid="([^"]+)"', node.astext()))
    app.env.metadata[app.env.docname]["iomux_anchors"] = known


def resolve_links(app, document, docname):
    """Replaces page:NAME#ANCHOR by an address relative to the page."""
    for link in document.findall(nodes.reference):
        where = link.get("refuri", "")
        if not where.startswith("page:"):
            continue
        name, _, anchor = where[5:].partition("#")
        if name not in app.env.found_docs:
            log.warning("there is no page %s", name, location=link)
            continue
        if anchor and anchor not in app.env.metadata[name]["iomux_anchors"]:
            log.warning("%s has no anchor #%s", name, anchor, location=link)
        link["internal"] = True
        link["refuri"] = app.builder.get_relative_uri(docname, name) + (
            f"#{anchor}" if anchor else "")
        parent = link.parent
        if re.match(r"L\d+$", anchor) and len(parent) == 1 and \
                isinstance(parent, nodes.paragraph):
            parent["classes"].append("source-of")


def setup(app):
    app.add_transform(Anchors)
    app.add_transform(Pictures)
    app.add_transform(Index)
    app.add_directive("source", Source)
    app.connect("doctree-read", remember_anchors)
    app.connect("doctree-resolved", resolve_links)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
