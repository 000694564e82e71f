// step.mjs - looks at the pages of scripts/step in a browser.
//
// usage: node step.mjs MODULES BROWSER [--message TEXT] PAGE...
//
// MODULES is where npm has put playwright-core and axe-core. Every page is
// opened from its file. Prints a line for each thing that is wrong, and how
// many steps were compared; exits with 1 if anything is wrong. With --message,
// checks instead that TEXT, which is HTML, stays text.
import { createRequire } from "node:module";
import { basename } from "node:path";
import { readFileSync } from "node:fs";
import { execFileSync } from "node:child_process";
import { fileURLToPath, pathToFileURL } from "node:url";

const [modules, executablePath, ...files] = process.argv.slice(2);
const require = createRequire(modules + "/");
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const message = files[0] === "--message" ? files.splice(0, 2)[1] : null;
const WIDE = { width: 1360, height: 900 }, NARROW = { width: 390, height: 800 };

const wrong = [];
let steps = 0, questions = 0;
const browser = await chromium.launch({ executablePath,
                                        args: ["--no-sandbox"] });

// Opens a page. Collects its errors, and its requests.
async function open(file, hash = "", options = {}) {
    const context = await browser.newContext({ viewport: WIDE, ...options });
    const page = await context.newPage();
    const name = basename(file), url = pathToFileURL(file).href;
    page.expect = (good, text) => {
        if (!good)
            wrong.push(`${name}: ${text}`);
        if (!good && wrong.length < 40)
            console.log(wrong[wrong.length - 1]);
    };
    page.on("console", said => page.expect(
        said.type() !== "error" && said.type() !== "warning", said.text()));
    page.on("pageerror", error => page.expect(false, error.message));
    page.on("request", request => page.expect(
        request.url().split("#")[0] === url, `asks for ${request.url()}`));
    await page.goto(url + hash);
    return page;
}

// Returns what the page shows now. Runs in the page.
function shown() {
    const texts = (root, what) => [...root.querySelectorAll(what)].map(
        element => element.textContent);
    const background = element => getComputedStyle(element).backgroundColor;
    const all = [...document.querySelectorAll("#rows tbody tr")];
    const row = document.querySelector("#rows tr.at");
    const other = all.find(one => one !== row);
    return {
        hash: location.hash, place: document.getElementById("place").value,
        current: texts(document, "#rows tr[aria-current=step] th a"),
        painted: background(row) !== background(other) &&
            background(row) !== "rgba(0, 0, 0, 0)",
        row: [...row.querySelectorAll("td:not(.mark)")].map(
            cell => cell.textContent),
        shown: all.filter(one => !one.hidden).length,
        sides: [...document.querySelectorAll(".side")].map(side => {
            const pre = side.querySelector("pre:not([hidden])");
            const line = pre.querySelector(".at");
            const box = pre.getBoundingClientRect();
            const place = line.getBoundingClientRect();
            return {
                now: side.querySelector(".now").textContent,
                who: side.querySelector(".who").textContent,
                caption: side.querySelector("caption").textContent,
                rows: [...side.querySelectorAll("tbody tr")].map(
                    row => texts(row, "th, td")),
                call: texts(pre, ".at").join("\n"),
                framed: side.querySelectorAll("tbody .changed").length,
                painted: background(line) !== background(pre),
                visible: place.top >= box.top - 1 &&
                    place.bottom <= box.bottom + 1,
            };
        }),
    };
}

// The page changes its address a little later.
async function look(page) {
    await page.waitForFunction(() => location.hash.slice(1) ===
        document.getElementById("slider").value);
    return page.evaluate(shown);
}

// Returns the data of a page, which its script does not restore.
const dataOf = file => JSON.parse(execFileSync("python3", ["-IB",
    fileURLToPath(new URL("../step_data.py", import.meta.url)), file],
    { maxBuffer: 1 << 24 }));

// Returns an expression that the source of a line of a server must match.
function callOf(text) {
    const name = /^\[(?:server|thread|worker)[ \d]*\] +(?:=====> )?(\w+)/.exec(
        text);
    const known = ["accept", "recv", "send", "close", "select", "poll",
                   "epoll_wait", "epoll_ctl"];
    return name && known.includes(name[1])
        ? new RegExp(`\\b${name[1]}4?\\(`) : null;
}

function compareStep(page, data, seen, number) {
    const step = data.steps[number - 1], last = data.steps.length;
    const expect = (good, text) => page.expect(good, `step ${number}: ${text}`);
    steps++;
    expect(seen.place === `${number} of ${last}`, `shows ${seen.place}`);
    expect(seen.current.join() === String(number), "another row is current");
    expect(seen.painted, "the current row looks like the others");
    data.sides.forEach((side, index) => {
        const moment = side.moments[step.at[index]], view = seen.sides[index];
        const table = data.tables[moment.table];
        expect(view.now.startsWith(moment.now), `now: ${view.now}`);
        expect(view.who === moment.blocked, `who blocks: ${view.who}`);
        expect(view.caption === table.caption, `caption: ${view.caption}`);
        expect(JSON.stringify(view.rows) === JSON.stringify(table.rows),
               `descriptors: ${JSON.stringify(view.rows)}`);
        expect(view.painted, "the call is not highlighted");
        expect(view.visible, "the call is out of sight");
        if (step.own[index] && step.times === 0) {
            expect(seen.row[index] === moment.text, `row: ${seen.row}`);
            const call = callOf(moment.text);
            const blocked = moment.blocked.includes("blocks in send");
            expect(!call || call.test(view.call) ||
                   blocked && /\bsend\(/.test(view.call),
                   `${moment.text}: the source is ${view.call}`);
        }
        if (number > 1) {
            const before = data.tables[
                side.moments[data.steps[number - 2].at[index]].table];
            const same = JSON.stringify(before.rows) ===
                JSON.stringify(table.rows);
            const fewer = before.rows.length > table.rows.length;
            expect(same ? view.framed === 0 : view.framed > 0 || fewer,
                   `${view.framed} cells are framed`);
        }
    });
}

// Keys alone lead through all steps, and each shows the state of the data.
async function walk(page, data) {
    await page.keyboard.press("Home");
    await page.keyboard.press("n");
    await page.keyboard.press("ArrowRight");
    page.expect((await look(page)).hash === `#${Math.min(3,
        data.steps.length)}`, "n and the right arrow do not go on");
    await page.keyboard.press("Home");
    const all = await page.evaluate(`(() => {
        ${shown}
        const all = [];
        for (let number = 1; number <= ${data.steps.length}; number++) {
            all.push(shown());
            document.body.dispatchEvent(new KeyboardEvent("keydown", {
                key: number % 2 ? "n" : "ArrowRight", bubbles: true}));
        }
        return all;
    })()`);
    all.forEach((one, index) => compareStep(page, data, one, index + 1));
    page.expect((await look(page)).hash === `#${data.steps.length}`,
                "n leaves the last step");
    await page.keyboard.press("p");
    await page.keyboard.press("ArrowLeft");
    page.expect((await look(page)).hash === `#${data.steps.length - 2}`,
                "p and the left arrow do not go back");
    await page.keyboard.press("N");
    await page.keyboard.press("P");
    const { hash } = await look(page), at = Number(hash.slice(1)) - 1;
    page.expect(at === 0 || data.sides.some((side, index) =>
        "num" in side.moments[data.steps[at].at[index]]) ||
        !data.sides.some(side => side.moments.some(one => "num" in one)),
                `P leads to ${hash}, which is not a wake-up`);
}

// A link to a step, a click and the browser's Back.
async function links(page, data, file) {
    await page.keyboard.press("Home");
    const wanted = Math.min(17, data.steps.length);
    await page.locator("#rows tbody tr").nth(wanted - 1).click();
    page.expect((await look(page)).hash === `#${wanted}`, "a click on a row");
    await page.goBack();
    page.expect((await look(page)).place.startsWith("1 of"),
                "Back does not return");
    const deep = await open(file, `#${wanted}`);
    deep.expect((await look(deep)).place.startsWith(`${wanted} of`),
                "a link to a step opens another one");
    await deep.context().close();
}

// Dialogs and the slider get their own keys.
async function ownKeys(page) {
    await page.keyboard.press("Home");
    await page.keyboard.press("?");
    page.expect(await page.locator("#keys[open]").count() === 1, "no keys");
    await page.keyboard.press("n");
    page.expect((await look(page)).hash === "#1", "a dialog's key is taken");
    await page.keyboard.press("Escape");
    await page.locator("#slider").focus();
    await page.keyboard.press("n");
    page.expect((await look(page)).hash === "#1", "the slider's key is taken");
    await page.keyboard.press("ArrowRight");
    page.expect((await look(page)).hash === "#2", "the slider does not move");
    await page.evaluate(() => document.activeElement.blur());
}

// Returns the right answers to the question of a step, or [].
function answersOf(data, step) {
    return data.sides.flatMap((side, index) => {
        const moment = side.moments[step.at[index]];
        return step.own[index] && step.times === 0 && "num" in moment
            ? [String(moment.num), ...("again" in moment
                ? [moment.again ? "yes" : "no"] : [])] : [];
    });
}

// Goes on to the first question, and answers it, with real keys. The first
// answer is wrong. Returns the number of its step, or of the last step.
async function firstQuestion(page, wanted) {
    for (let number = 1; number < wanted.length; number++) {
        await page.keyboard.press("n");
        if (wanted[number].length === 0)
            continue;
        for (const [at, answer] of wanted[number].entries()) {
            if (at > 0)
                await page.keyboard.press("Tab");
            if (answer === "yes")
                await page.keyboard.press("Space");
            else if (answer === "no")
                await page.keyboard.press("ArrowDown");
            else
                await page.keyboard.type(at === 0 ? "77" : answer);
        }
        await page.keyboard.press("Enter");
        await page.keyboard.press("Enter");
        page.expect(await page.locator("#question[open]").count() === 0,
                    `predict: the dialog stays after step ${number + 1}`);
        return number + 1;
    }
    return wanted.length;
}

// Answers the questions from a step on. Runs in the page.
async function otherQuestions([wanted, from]) {
    const dialog = document.getElementById("question"), wrong = [];
    const closed = () => new Promise(
        done => dialog.addEventListener("close", done, { once: true }));
    for (let number = from; number < wanted.length; number++) {
        const rows = document.querySelectorAll(
            "#rows tbody tr:not([hidden])").length;
        if (rows !== number)
            wrong.push(`predict: ${rows} rows of ${number} are shown`);
        document.body.dispatchEvent(new KeyboardEvent("keydown",
            { key: "n", bubbles: true }));
        if (dialog.open !== wanted[number].length > 0)
            wrong.push(`predict: step ${number + 1} ` +
                (dialog.open ? "asks" : "does not ask"));
        if (!dialog.open)
            continue;
        const fields = [...dialog.querySelectorAll("input[type=number]")];
        const choices = [...dialog.querySelectorAll("fieldset fieldset")];
        for (const answer of wanted[number])
            if (answer === "yes" || answer === "no")
                choices.shift().querySelector(
                    `input[value=${answer}]`).checked = true;
            else
                fields.shift().value = answer;
        const end = closed(), form = dialog.querySelector("form");
        form.requestSubmit();
        form.requestSubmit();
        await end;
    }
    return wrong;
}

// Answers all questions, and only the first answer is wrong.
async function predict(page, data) {
    const wanted = data.steps.map(step => answersOf(data, step));
    await page.keyboard.press("Home");
    await page.keyboard.press("g");
    const from = await firstQuestion(page, wanted);
    for (const text of await page.evaluate(otherQuestions, [wanted, from]))
        page.expect(false, text);
    const asked = wanted.flat().length;
    const score = await page.locator("#score").textContent();
    page.expect(asked === 0 || score === `${asked - 1} of ${asked} right`,
                `predict: ${score} instead of ${asked - 1} of ${asked}`);
    await page.keyboard.press("g");
    page.expect((await look(page)).shown === data.steps.length,
                "predict: rows stay hidden");
    questions += asked;
}

// axe finds nothing, in light and in dark, on one page with a dialog too.
async function accessible(page, dialog) {
    await page.evaluate(axe);
    for (const key of dialog ? ["", "?"] : [""]) {
        if (key)
            await page.keyboard.press(key);
        for (const colorScheme of ["light", "dark"]) {
            await page.emulateMedia({ colorScheme });
            // Only the colours depend on the scheme.
            const options = { resultTypes: ["violations"], preload: false,
                ...(colorScheme === "dark" && { runOnly: ["color-contrast"] }) };
            const { violations } = await page.evaluate(
                given => window.axe.run(given), options);
            for (const { id, nodes } of violations)
                page.expect(false, `axe, ${colorScheme}: ${id}: ` +
                            nodes.map(node => node.html).join(" ")
                                .slice(0, 300));
        }
    }
    await page.keyboard.press("Escape");
    const html = await page.evaluate(
        () => getComputedStyle(document.documentElement).backgroundColor);
    page.expect(html === "rgb(13, 17, 23)", `dark pages are ${html}`);
    await page.emulateMedia({ colorScheme: "light" });
}

async function fits(page) {
    for (const viewport of [NARROW, WIDE]) {
        await page.setViewportSize(viewport);
        for (const key of ["1", "2"]) {
            await page.keyboard.press(key);
            const width = await page.evaluate(
                () => document.documentElement.scrollWidth);
            page.expect(width <= viewport.width,
                        `${width} px wide in a window of ${viewport.width}`);
        }
    }
}

async function withoutScript(file) {
    const page = await open(file, "", { javaScriptEnabled: false });
    const text = await page.locator("body").innerText();
    page.expect(/\[server\]/.test(text) && /kernel: /.test(text),
                "without JavaScript there is no text");
    await page.context().close();
}

// The message of a client cannot become a part of the page.
async function staysText(file) {
    const page = await open(file);
    page.expect(await page.locator("img").count() === 0, "there is an image");
    const text = await page.locator("#rows").textContent();
    page.expect(text.includes(message), "the message is not shown");
    const none = await open(file, "", { javaScriptEnabled: false });
    none.expect(await none.locator("img").count() === 0, "there is an image");
    none.expect((await none.locator("body").innerText()).includes(message),
                "the message is not in the text");
}

for (const file of files) {
    if (message !== null) {
        await staysText(file);
        continue;
    }
    const page = await open(file), data = dataOf(file);
    page.expect((await look(page)).hash === `#${data.start}`,
                "it opens at another step");
    page.expect(await page.evaluate(() => document.body.dataset.side) ===
                String(data.side), "a narrow window opens at the other side");
    await walk(page, data);
    await links(page, data, file);
    await ownKeys(page);
    await predict(page, data);
    await accessible(page, file === files[0]);
    await fits(page);
    await withoutScript(file);
    await page.context().close();
}
await browser.close();
console.log(`${files.length} pages, ${steps} steps, ${questions} questions`);
process.exit(wrong.length > 0 ? 1 : 0);
