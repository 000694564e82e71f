// book.js - what the book adds to the theme.

// From a disk, a page cannot read another one, so the search shows no extracts.
if (location.protocol === "file:" && window.DOCUMENTATION_OPTIONS)
    DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

// Print answers, hints and diagrams, too.
let opened = [];
addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open])")];
    for (const details of opened) details.open = true;
});
addEventListener("afterprint", () => {
    for (const details of opened) details.open = false;
    opened = [];
});

// What scrolls sideways on a small screen can be scrolled by keys.
function makeScrollable() {
    for (const box of document.querySelectorAll(
        "article pre, article .table-wrapper, article p:has(> img)"))
        if (box.scrollWidth > box.clientWidth)
            box.tabIndex = 0;
        else
            box.removeAttribute("tabindex");
}
addEventListener("DOMContentLoaded", makeScrollable);
addEventListener("load", makeScrollable);
addEventListener("resize", makeScrollable);
// A closed answer has no size until it is opened.
addEventListener("toggle", makeScrollable, true);
