"use strict";
(() => {
const data = unpack(JSON.parse(document.getElementById("data").textContent));
const steps = data.steps, last = steps.length;
const byId = id => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";
let current = 0;     // the step that is shown, from 1
let seen = 0;        // the last step that "predict first" has revealed
let predicting = false;
let timer;           // that changes the address of the page
let right = 0, asked = 0;
const answered = new Set();  // steps whose question was asked
const sides = [];    // what render() changes, of each side
const rows = [];     // the rows of the trace

// Restores what step_pack.py has left out. Changes and returns packed.
function unpack(packed) {
    packed.tables = packed.tables.map(([caption, ...rows]) => (
        {caption, rows: rows.map(number => packed.texts[number])}));
    for (const side of packed.sides) {
        let old;
        side.moments = side.moments.map(([text, place, table, more]) => {
            const [file, from, to = from] = place || old;
            old = [file, from, to];
            const [, who, what] = /^\[(.*?)\] +(.*)$/s.exec(text);
            const about = more && more.about ? "about to call: " : "";
            return {blocked: "", lost: 0, ...more, text, who, place: old, table,
                    now: `[${who}] ${about}${what}`};
        });
    }
    let before = packed.sides.map(() => 0);
    packed.steps = packed.steps.map(step => {
        const shown = step.slice(0, packed.sides.length);
        const [line = 0, mark = "", times = 0, group = 0] =
            step.slice(packed.sides.length);
        before = shown.map((number, side) => number < 0 ? before[side] : number);
        return {at: before, own: shown.map(number => number >= 0),
                line, mark, times, group};
    });
    packed.sides.forEach((side, index) => {
        const ticks = new Map(side.lanes.map(([name]) => [name, []]));
        packed.steps.forEach(({at, own}, number) => {
            const {who} = side.moments[at[index]];
            if (own[index] && ticks.has(who))
                ticks.get(who).push(number);
        });
        side.lanes = side.lanes.map(([name, bars]) =>
            [name, ticks.get(name), bars]);
    });
    return packed;
}

function make(parent, name, attributes = {}, text) {
    const element = name.startsWith("svg:")
        ? document.createElementNS(SVG, name.slice(4))
        : document.createElement(name);
    for (const [key, value] of Object.entries(attributes))
        element.setAttribute(key, value);
    if (text !== undefined)
        element.textContent = text;
    parent.append(element);
    return element;
}

// Scrolls only the element itself, never the page.
function reveal(box, item) {
    const top = item.offsetTop, end = top + item.offsetHeight;
    if (top < box.scrollTop + 30 || end > box.scrollTop + box.clientHeight - 30)
        box.scrollTop = top - box.clientHeight / 2;
}

// --- what is built once ----------------------------------------------------

function buildSource(box, side, index) {
    const tabs = side.files.length > 1
        ? make(box, "div", {class: "tabs", role: "group",
                            "aria-label": `Files of ${side.label}`}) : null;
    const files = side.files.map((file, number) => {
        const pre = make(box, "pre", {tabindex: 0, role: "region",
            "aria-label": `${file.name} of ${side.label}`});
        const lines = file.lines.map((line, at) => make(pre, "span",
            {"data-n": at + 1,
             ...(file.changed.includes(at + 1) ? {class: "new"} : {})}, line));
        const tab = tabs && make(tabs, "button", {type: "button"}, file.name);
        if (tab)
            tab.addEventListener("click", () => showFile(index, number));
        return {pre, lines, tab};
    });
    if (!tabs)
        files[0].pre.before(make(box, "p", {class: "hint"}, side.files[0].name));
    return files;
}

function showFile(index, number) {
    sides[index].files.forEach((file, at) => {
        file.pre.hidden = at !== number;
        if (file.tab)
            file.tab.setAttribute("aria-pressed", String(at === number));
    });
}

function buildTable(box, side) {
    const region = make(box, "div", {class: "kernel", tabindex: 0,
        role: "region", "aria-label": `Descriptors of ${side.label}`});
    const table = make(region, "table");
    const caption = make(table, "caption");
    const head = make(make(table, "thead"), "tr");
    for (const title of side.columns)
        make(head, "th", {scope: "col"}, title);
    return {caption, body: make(table, "tbody")};
}

function buildLanes(box, side) {
    const region = make(box, "div", {class: "lanes", role: "group",
                                     "aria-label": `Lanes of ${side.label}`});
    return side.lanes.map(([name, ticks, bars]) => {
        const lane = make(region, "div", {class: "lane"});
        make(lane, "span", {}, name);
        const blocks = [...new Set(bars.map(bar => bar[2]))].join(", ");
        const svg = make(lane, "svg:svg", {viewBox: `0 0 ${last * 10} 14`,
            preserveAspectRatio: "none", role: "img",
            "aria-label": `${name} of ${side.label}: ${blocks || "no bars"}`});
        const parts = [];
        const add = (from, width, y, height, look, title) => {
            const part = make(svg, "svg:rect", {x: from, y, width, height,
                                                class: look});
            if (title)
                make(part, "svg:title", {}, title);
            return part;
        };
        for (const [from, to, what] of bars) {
            const look = ["backlog", "accepted"].includes(what) ? what
                : "blocked";
            parts.push([from, add(from * 10, (to - from + 1) * 10, 3, 8,
                                  `bar-${look}`, what)]);
        }
        for (const step of ticks)
            parts.push([step, add(step * 10 + 2, 5, 1, 12, "tick")]);
        return {parts, cursor: add(0, 3, 0, 14, "cursor")};
    });
}

function buildSide(side, index) {
    const box = make(byId("sides"), "section", {class: `side s${index}`,
                                               "aria-label": side.label});
    const head = make(box, "div", {class: "head"});
    make(head, "h2", {tabindex: -1, id: `side${index}`}, side.label);
    make(head, "p", {class: "idea"}, side.idea);
    if (side.bug) {
        const more = make(head, "details");
        make(more, "summary", {}, "All about this bug");
        make(more, "p", {}, side.bug);
    }
    const now = make(head, "p", {class: "now", "aria-live": "polite"});
    const who = make(head, "p", {class: "who", "aria-live": "polite"});
    const files = buildSource(make(box, "div", {class: "code"}), side, index);
    const table = buildTable(box, side);
    return {now, who, files, table, lanes: buildLanes(box, side), at: []};
}

function buildTrace() {
    const head = make(make(byId("rows"), "thead"), "tr");
    make(head, "th", {scope: "col"}, "step");
    data.sides.forEach((side, index) => {
        if (index === 1)
            make(make(head, "th", {scope: "col", class: "mark"}), "span",
                 {class: "unseen"}, "difference");
        make(head, "th", {scope: "col", class: `s${index}`}, side.label);
    });
    const body = make(byId("rows"), "tbody");
    steps.forEach((step, number) => {
        const row = make(body, "tr");
        const first = make(row, "th", {scope: "row"});
        make(first, "a", {href: `#${number + 1}`, tabindex: -1}, number + 1);
        data.sides.forEach((side, index) => {
            if (index === 1)
                make(row, "td", {class: "mark"}, step.mark || " ");
            make(row, "td", {class: `s${index}`}, textOf(step, index));
        });
        row.classList.toggle("equal", data.sides.length > 1 && !step.mark);
        row.classList.toggle("fold", step.times > 0);
        row.addEventListener("click", event => {
            event.preventDefault();
            go(number + 1, true);
        });
        rows.push(row);
    });
}

function textOf(step, index) {
    if (!step.own[index])
        return "";
    if (step.times === 0)
        return data.sides[index].moments[step.at[index]].text;
    const lines = step.group === 1 ? "line" : `${step.group} lines`;
    return `x ${step.times}: the ${lines} above again`;
}

// --- what a step changes ---------------------------------------------------

function momentOf(step, index) {
    return data.sides[index].moments[steps[step - 1].at[index]];
}

function render(step) {
    current = step;
    seen = predicting ? Math.max(seen, step) : last;
    byId("slider").value = step;
    byId("slider").setAttribute("aria-valuetext", `${step} of ${last}`);
    byId("place").textContent = `${step} of ${last}`;
    byId("back").disabled = step === 1;
    byId("next").disabled = step === last;
    data.sides.forEach((side, index) => renderSide(step, index));
    rows.forEach((row, number) => {
        const at = number + 1 === step;
        row.hidden = number >= seen;
        row.classList.toggle("at", at);
        row.toggleAttribute("aria-current", at);
        if (at)
            row.setAttribute("aria-current", "step");
        row.querySelector("a").tabIndex = at ? 0 : -1;
    });
    reveal(document.querySelector(".trace .scroll"), rows[step - 1]);
    renderScenario(steps[step - 1].line);
}

function renderSide(step, index) {
    const side = sides[index], moment = momentOf(step, index);
    const {times} = steps[step - 1];
    side.now.textContent = moment.now + (times ? ` (x ${times})` : "");
    side.who.textContent = moment.blocked;
    side.who.classList.toggle("lost", moment.lost > 0);
    for (const line of side.at)
        line.classList.remove("at");
    const [file, from, to] = moment.place;
    showFile(index, file);
    side.at = side.files[file].lines.slice(from - 1, to);
    for (const line of side.at)
        line.classList.add("at");
    reveal(side.files[file].pre, side.at[0]);
    renderTable(side.table, data.tables[moment.table],
                step > 1 ? data.tables[momentOf(step - 1, index).table] : null);
    for (const lane of side.lanes) {
        lane.cursor.setAttribute("x", (step - 1) * 10 + 3);
        for (const [from, part] of lane.parts)
            part.classList.toggle("later", from >= seen);
        if (predicting)
            lane.parts.forEach(([from, part]) => clip(part));
    }
}

// Ends a bar at the last step that is revealed.
function clip(part) {
    if (part.dataset.full === undefined)
        part.dataset.full = part.getAttribute("width");
    const width = seen * 10 - Number(part.getAttribute("x"));
    part.setAttribute("width", Math.max(0, Math.min(width,
                                                    part.dataset.full)));
}

function renderTable(table, shown, before) {
    table.caption.textContent = shown.caption;
    table.body.replaceChildren();
    const old = new Map(before ? before.rows.map(row => [row[0], row]) : []);
    for (const cells of shown.rows) {
        const row = make(table.body, "tr");
        cells.forEach((text, column) => {
            const cell = make(row, column ? "td" : "th",
                              column ? {} : {scope: "row"});
            for (const part of text.split(/(?<=\|)/)) {
                cell.append(part);
                make(cell, "wbr");
            }
            const same = !before || (old.get(cells[0]) || [])[column] === text;
            if (!same) {
                cell.classList.add("changed");
                cell.title = "changed by this step";
            }
            if (text.startsWith("forgotten"))
                cell.classList.add("lost");
        });
    }
}

function renderScenario(line) {
    [...byId("scenario").children].forEach((item, number) => {
        item.classList.toggle("at", number + 1 === line);
        item.toggleAttribute("aria-current", false);
        if (number + 1 === line) {
            item.setAttribute("aria-current", "step");
            reveal(document.querySelector(".scenario .scroll"), item);
        }
    });
}

// --- moving ----------------------------------------------------------------

function wakesUp(step) {
    return steps[step - 1].times === 0 && data.sides.some((side, index) =>
        steps[step - 1].own[index] && "num" in momentOf(step, index));
}

// Goes to a step. If "predict first" is on, stops before a wake-up that was not
// asked about, and asks. push: the browser's Back returns to this place.
function go(wanted, push = false) {
    let step = Math.min(Math.max(wanted, 1), last), question = 0;
    if (predicting)
        for (let next = seen + 1; next <= step && !question; next++)
            if (wakesUp(next) && !answered.has(next))
                question = next;
    if (question)
        step = Math.max(question - 1, 1);
    if (step !== current)
        render(step);
    // A browser refuses to change its address a hundred times a second. These
    // calls cause no "hashchange", which could undo a key that was pressed since.
    clearTimeout(timer);
    if (push)
        history.pushState(null, "", `#${step}`);
    else
        timer = setTimeout(
            () => history.replaceState(null, "", `#${current}`), 100);
    if (question)
        ask(question);
}

function wakeUp(direction) {
    let step = current + direction;
    while (step > 1 && step < last && !wakesUp(step))
        step += direction;
    go(step, true);
}

function fromHash() {
    const found = /^#(\d{1,6})$/.exec(location.hash);
    return found ? Math.min(Math.max(Number(found[1]), 1), last) : 0;
}

function choose(index) {
    if (index >= data.sides.length)
        return;
    document.body.dataset.side = index;
    [...byId("choice").children].forEach((button, at) =>
        button.setAttribute("aria-pressed", String(at === index)));
    byId(`side${index}`).focus({preventScroll: true});
    render(current);  // scrolls the source that was hidden
}

// --- predict first ---------------------------------------------------------

function setPredicting(on) {
    predicting = on;
    seen = current;
    answered.clear();
    right = asked = 0;
    byId("predict").setAttribute("aria-pressed", String(on));
    byId("score").textContent = on ? "no answer so far" : "";
    if (!on)
        for (const side of sides)
            for (const lane of side.lanes)
                for (const [, part] of lane.parts)
                    if (part.dataset.full !== undefined)
                        part.setAttribute("width", part.dataset.full);
    render(current);
}

function ask(step) {
    const box = byId("questions");
    box.replaceChildren();
    byId("verdict").replaceChildren();
    byId("answer").textContent = "Answer";
    byId("skip").hidden = false;
    const questions = [];
    data.sides.forEach((side, index) => {
        if (!steps[step - 1].own[index])
            return;
        const moment = momentOf(step, index);
        if (!("num" in moment))
            return;
        const set = make(box, "fieldset");
        make(set, "legend", {}, side.label);
        const label = make(set, "label", {},
            `${moment.call} returns. How many descriptors does it report? `);
        const input = make(label, "input", {type: "number", min: -1,
                                            required: ""});
        questions.push({what: `${side.label}: it reports`,
                        get: () => input.value, truth: String(moment.num)});
        if (!("again" in moment))
            return;
        const second = make(set, "fieldset");
        make(second, "legend", {}, "Does the next wait report one of them " +
            "again, before a client does anything?");
        for (const value of ["yes", "no"]) {
            const choice = make(second, "label");
            make(choice, "input", {type: "radio", name: `again${index}`, value,
                                   required: ""});
            choice.append(` ${value}`);
        }
        questions.push({what: `${side.label}: reported again`,
                        get: () => second.querySelector(":checked").value,
                        truth: moment.again ? "yes" : "no"});
    });
    const dialog = byId("question");
    dialog.returnStep = step;
    dialog.questions = questions;
    dialog.showModal();
    box.querySelector("input").focus();
}

function judge(dialog) {
    const list = make(byId("verdict"), "ul");
    for (const {what, get, truth} of dialog.questions) {
        const good = get() === truth;
        asked++;
        right += good;
        make(list, "li", {}, `${what}: ${truth}. ` +
            (good ? "Your answer is right." : `Your answer was ${get()}.`));
    }
    byId("score").textContent = `${right} of ${asked} right`;
    dialog.questions = null;
    for (const field of byId("questions").querySelectorAll("input"))
        field.disabled = true;
    byId("skip").hidden = true;
    byId("answer").textContent = "Continue";
    byId("answer").focus();
}

byId("question").querySelector("form").addEventListener("submit", event => {
    event.preventDefault();
    const dialog = byId("question");
    if (dialog.questions)
        judge(dialog);
    else
        dialog.close();
});
byId("skip").addEventListener("click", () => byId("question").close());
byId("question").addEventListener("close", () => {
    answered.add(byId("question").returnStep);
    go(byId("question").returnStep);
});

// --- keys, and the start ---------------------------------------------------

const KEYS = {
    n: () => go(current + 1), ArrowRight: () => go(current + 1),
    p: () => go(current - 1), ArrowLeft: () => go(current - 1),
    N: () => wakeUp(1), P: () => wakeUp(-1),
    Home: () => go(1, true), End: () => go(last, true),
    g: () => setPredicting(!predicting),
    "?": () => byId("keys").showModal(),
    1: () => choose(0), 2: () => choose(1),
};

document.addEventListener("keydown", event => {
    if (event.ctrlKey || event.altKey || event.metaKey ||
        document.querySelector("dialog[open]") ||
        event.target === byId("slider"))
        return;
    if (Object.hasOwn(KEYS, event.key)) {
        event.preventDefault();
        KEYS[event.key]();
    }
});

byId("back").addEventListener("click", () => go(current - 1));
byId("next").addEventListener("click", () => go(current + 1));
byId("predict").addEventListener("click", () => setPredicting(!predicting));
byId("help").addEventListener("click", () => byId("keys").showModal());
byId("slider").addEventListener("input", event => {
    go(Number(event.target.value));
    event.target.value = current;
});
addEventListener("hashchange", () => {
    const step = fromHash();
    if (step && step !== current)
        go(step);
});

document.querySelector("header").hidden = false;
document.querySelector("main").hidden = false;
byId("sides").className = data.sides.length > 1 ? "two" : "one";
byId("slider").max = last;
byId("marks").hidden = byId("choice").hidden = data.sides.length === 1;
if (data.look) {
    byId("look").hidden = false;
    make(byId("look"), "a", {href: `#${data.start}`}, `Step ${data.start}:`);
    byId("look").append(` ${data.look}`);
}
byId("scenario-title").textContent = `Scenario ${data.scenario.name}`;
document.body.dataset.side = data.side;  // that a narrow window shows
data.sides.forEach((side, index) => {
    sides.push(buildSide(side, index));
    const button = make(byId("choice"), "button", {type: "button",
        "aria-pressed": String(index === data.side)}, `${index + 1}: ${side.label}`);
    button.addEventListener("click", () => choose(index));
});
for (const line of data.scenario.lines)
    make(byId("scenario"), "li", line.startsWith("#") ? {class: "said"} : {},
         line);
buildTrace();
seen = last;
go(fromHash() || data.start);
})();
