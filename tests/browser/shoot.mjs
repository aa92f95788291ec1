// Takes the pictures for the README: node shoot.mjs FILE OUT.png light|dark WIDTH HEIGHT [SELECTOR]
// A SCALE in the environment makes it smaller. FILE is a page, or what a terminal shows with its colours (tmux capture-pane -e).
import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const [, , file, out, colorScheme, width, height, selector] = process.argv;

const COLORS = ["#1c2126", "#cc4b3c", "#4f9a4f", "#b08a2a", "#4a7fc1", "#9a62b5", "#3c97a5", "#d5dbe1"];

/** What a terminal shows, as a page: bold, dim, inverse, the eight colours and their bright ones. */
const terminal = (text) => {
  let [fg, bg, bold, dim, inverse] = [null, null, false, false, false];
  // What the font lacks must not be wider than a column.
  const cell = (c) => (c > "\u2700" ? `<i>${c}</i>` : c);
  const escape = (s) => s.replace(/[&<>\u2700-\uffff]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[c] ?? cell(c));
  const html = text.replace(/\x1b\[([\d;]*)m|([^\x1b]+)|\x1b./g, (_, codes, plain) => {
    if (plain !== undefined) {
      const [f, b] = inverse ? [bg ?? "#14181d", fg ?? "#d5dbe1"] : [fg, bg];
      const style = `${f ? `color:${f};` : ""}${b ? `background:${b};` : ""}${bold ? "font-weight:700;" : ""}${dim ? "opacity:.65;" : ""}`;
      return style ? `<span style="${style}">${escape(plain)}</span>` : escape(plain);
    }
    for (const code of (codes || "0").split(";").map(Number)) {
      if (code === 0) [fg, bg, bold, dim, inverse] = [null, null, false, false, false];
      else if (code === 1) bold = true;
      else if (code === 2) dim = true;
      else if (code === 7) inverse = true;
      else if (code === 22) bold = dim = false;
      else if (code === 27) inverse = false;
      else if (code === 39) fg = null;
      else if (code === 49) bg = null;
      else if (code >= 30 && code < 38) fg = COLORS[code - 30];
      else if (code >= 90 && code < 98) fg = COLORS[code - 90];
      else if (code >= 40 && code < 48) bg = COLORS[code - 40];
    }
    return "";
  });
  return `<!DOCTYPE html><meta charset="utf-8"><style>body{margin:0;background:#14181d}pre{display:inline-block;margin:0;padding:12px 14px;
    background:#14181d;color:#d5dbe1;font:14px/17px "DejaVu Sans Mono",monospace}
    i{display:inline-block;width:1ch;height:17px;overflow:hidden;vertical-align:top;font-style:normal}</style><pre>${html}</pre>`;
};

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--headless", "--no-sandbox", "--disable-gpu"] });
const context = await browser.newContext({ viewport: { width: Number(width), height: Number(height) }, colorScheme, deviceScaleFactor: Number(process.env.SCALE ?? 1) });
const page = await context.newPage();
if (file.endsWith(".ansi")) await page.setContent(terminal(readFileSync(file, "utf8")));
else await page.goto(pathToFileURL(resolve(file)).href);
const target = file.endsWith(".ansi") ? page.locator("pre") : selector ? page.locator(selector).first() : page;
writeFileSync(out, await target.screenshot({ type: "png" }));
await browser.close();
