// book.mjs - the book in a browser.
//
// usage: node book.mjs MODULES CHROMIUM BOOK CHECK [PAGE...]
//
// MODULES is where npm has put playwright-core and axe-core. CHECK is one of
// these, or several with commas between them:
//   pages   each PAGE at two widths, light and dark: requests, the console, what
//           is wider than the window, the colour of the paper, and axe
//   search  the search finds "backpressure", and its first result has the word
//   print   answers are open on paper, and closed again after it
//   theme   the button for light and dark works
// Prints a line for each thing that is wrong, and exits with 1 if there is one.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [modules, executablePath, book, check, ...pages] = process.argv.slice(2);
const require = createRequire(modules + "/");
const { chromium } = require("playwright-core");
const root = pathToFileURL(book + "/").href;
let wrong = 0;

function complain(page, text) {
    console.log(`${page}: ${text}`);
    wrong = 1;
}

async function open(browser, name, width, colorScheme) {
    const context = await browser.newContext({
        viewport: { width, height: 900 }, colorScheme,
    });
    const page = await context.newPage();
    page.on("request", request => {
        const url = request.url();
        if (!url.startsWith(root) && !url.startsWith("data:"))
            complain(name, `a request leaves the book: ${url}`);
    });
    page.on("requestfailed", request =>
        complain(name, `a request fails: ${request.url()}`));
    page.on("pageerror", error => complain(name, `a script fails: ${error}`));
    page.on("console", message => {
        if (message.type() === "error")
            complain(name, `the console shows: ${message.text()}`);
    });
    await page.goto(root + name);
    return page;
}

async function look(browser, name, width, scheme) {
    const page = await open(browser, name, width, scheme);
    const what = `${name} (${width} px, ${scheme})`;
    const [wide, paper] = await page.evaluate(() => [
        document.documentElement.scrollWidth,
        getComputedStyle(document.body).backgroundColor,
    ]);
    if (wide > width)
        complain(what, `it is ${wide} px wide`);
    const dark = paper.match(/\d+/g).slice(0, 3).every(part => part < 64);
    if (dark !== (scheme === "dark"))
        complain(what, `its background is ${paper}`);
    // Answers count, too. The theme's own frame does not.
    await page.evaluate(() => {
        for (const details of document.querySelectorAll("details"))
            details.open = true;
    });
    await page.addScriptTag({ content: readFileSync(
        require.resolve("axe-core/axe.min.js"), "utf8") });
    const { violations } = await page.evaluate(
        () => axe.run("article", {
            resultTypes: ["violations"], preload: false,
        }));
    for (const violation of violations)
        complain(what, `axe: ${violation.id}: ${violation.nodes.length} times, ` +
            violation.nodes[0].html.slice(0, 160));
    await page.context().close();
}

const checks = {
    async pages(browser) {
        for (const name of pages) {
            await look(browser, name, 390, "light");
            await look(browser, name, 1360, "dark");
        }
    },
    async search(browser) {
        const page = await open(browser, "index.html", 1360, "light");
        await page.fill("input.sidebar-search", "backpressure");
        await page.press("input.sidebar-search", "Enter");
        const first = page.locator("#search-results li a").first();
        await first.waitFor();
        await first.click();
        await page.locator("article h1").first().waitFor();
        if (!page.url().startsWith(root))
            complain(page.url(), "the first result is no page of the book");
        const text = await page.innerText("article");
        if (!text.toLowerCase().includes("backpressure"))
            complain(page.url(), "the first result does not have the word");
    },
    async print(browser) {
        const name = "walkthrough/08-epoll-et.html";
        const page = await open(browser, name, 1360, "dark");
        const count = () => page.evaluate(() => [
            document.querySelectorAll("article details").length,
            document.querySelectorAll("article details[open]").length,
        ]);
        const [all, before] = await count();
        await page.evaluate(() => {
            addEventListener("beforeprint", () => {
                window.shown = document.querySelectorAll(
                    "article details[open]").length;
            });
        });
        await page.pdf();
        const shown = await page.evaluate(() => window.shown);
        const [, after] = await count();
        if (all === 0 || before !== 0 || shown !== all || after !== 0)
            complain(name, `of ${all} answers ${before} are open, ${shown} on ` +
                `paper, and ${after} after it`);
    },
    async theme(browser) {
        const page = await open(browser, "index.html", 1360, "light");
        const paper = () => page.evaluate(
            () => getComputedStyle(document.body).backgroundColor);
        const light = await paper();
        await page.locator(".theme-toggle:visible").click();
        const dark = await paper();
        if (light === dark)
            complain("index.html", `the background stays ${light}`);
    },
};

const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
try {
    for (const one of check.split(","))
        await checks[one](browser);
} finally {
    await browser.close();
}
process.exit(wrong);
