// diagrams.mjs - draws Mermaid diagrams in Chromium.
//
// usage: node diagrams.mjs MODULES CHROMIUM <DIAGRAMS >PICTURES
//
// DIAGRAMS is a JSON array of texts. PICTURES is a JSON array of pairs of SVGs,
// one for light and one for dark. MODULES is where npm has put mermaid and
// playwright-core.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [modules, browserPath] = process.argv.slice(2);
const require = createRequire(modules + "/");
const { chromium } = require("playwright-core");

const texts = JSON.parse(readFileSync(0, "utf8"));
const browser = await chromium.launch({
    executablePath: browserPath, args: ["--no-sandbox"],
});
try {
    const page = await browser.newPage();
    await page.addScriptTag({ path: modules + "/mermaid/dist/mermaid.min.js" });
    const drawn = [];
    for (const text of texts)
        drawn.push(await page.evaluate(async text => {
            const pair = [];
            for (const theme of ["default", "dark"]) {
                mermaid.initialize({
                    startOnLoad: false, securityLevel: "strict", theme,
                    htmlLabels: false, flowchart: { htmlLabels: false },
                    deterministicIds: true,
                    themeVariables: theme === "dark" ? {
                        clusterBkg: "#1a1c1e", clusterBorder: "#81868d",
                    } : {},
                });
                const { svg } = await mermaid.render("diagram", text);
                // A parser of XML reads an SVG that the serializer writes.
                const box = document.createElement("div");
                box.innerHTML = svg;
                const root = box.firstElementChild;
                const [, , width, height] =
                    root.getAttribute("viewBox").split(" ");
                root.setAttribute("width", width);
                root.setAttribute("height", height);
                for (const path of root.querySelectorAll("path[d]"))
                    path.setAttribute("d", path.getAttribute("d").replace(
                        /-?\d+\.\d+/g, number => +(+number).toFixed(1)));
                pair.push(new XMLSerializer().serializeToString(root) + "\n");
            }
            return pair;
        }, text));
    process.stdout.write(JSON.stringify(drawn));
} finally {
    await browser.close();
}
