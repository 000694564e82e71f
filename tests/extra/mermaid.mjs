// mermaid.mjs - do the diagrams of these pages parse? Mermaid itself says so.
//
// usage: node mermaid.mjs MODULES FILE...
//
// MODULES is where npm has put mermaid and jsdom: mermaid wants a browser's
// window, and jsdom has one. Prints a line for each diagram; exits with 1 if
// one does not parse.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [modules, ...files] = process.argv.slice(2);
const require = createRequire(modules + "/");
const { JSDOM } = require("jsdom");
const { window } = new JSDOM("");
globalThis.window = window;
globalThis.document = window.document;
const { default: mermaid } = await import(
    pathToFileURL(modules + "/mermaid/dist/mermaid.core.mjs")
);

let bad = 0;
for (const file of files) {
    const text = readFileSync(file, "utf8");
    for (const [, diagram] of text.matchAll(/^```mermaid\n([^]*?)^```$/gm)) {
        try {
            const { diagramType } = await mermaid.parse(diagram);
            console.log(`${file}: ${diagramType}`);
        } catch (error) {
            console.log(`${file}: does not parse: ${error.message}`);
            bad = 1;
        }
    }
}
process.exit(bad);
