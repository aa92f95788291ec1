// Opens each file of a directory in headless Chromium and fails on: a console message of
// level error or warning, a script error, any request but the file itself, a serious or
// critical fault by axe-core (light and dark), a load of 2 s or more, a ladder whose arrows
// and folds are not just the segments of its conversation (by `segments.json` for an SVG, by
// the table of connections in a report).
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const [, , pages, shots] = process.argv;
const segments = existsSync(join(pages, "segments.json")) ? JSON.parse(readFileSync(join(pages, "segments.json"), "utf8")) : {};
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
mkdirSync(shots, { recursive: true });

let passed = 0;
let failed = 0;
let counted = 0;
const check = (ok, what) => {
  if (ok) passed += 1;
  else failed += 1;
  if (!ok) console.log(`FAILED  ${what}`);
};

// Whatever hangs, hangs for ever: five minutes are ten times what this takes.
setTimeout(() => {
  console.log("FAILED  five minutes are over");
  process.exit(1);
}, 300_000).unref();

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM,
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});

/** Opens `file`, watching. */
const open = async (file, options = {}) => {
  const context = await browser.newContext({ viewport: { width: 1300, height: 900 }, ...options });
  const url = pathToFileURL(resolve(file)).href;
  const seen = { messages: [], requests: [] };
  const page = await context.newPage();
  page.on("console", (m) => ["error", "warning"].includes(m.type()) && seen.messages.push(m.text()));
  page.on("pageerror", (e) => seen.messages.push(String(e)));
  page.on("request", (r) => r.url().split("#")[0] !== url && seen.requests.push(r.url()));
  const from = performance.now();
  await page.goto(url, { waitUntil: "load" });
  // Twice a frame: laid out and painted.
  if (options.javaScriptEnabled !== false) {
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  }
  return { context, page, seen, ms: performance.now() - from };
};

/** Without playwright's own preparations, which wait for ever in a document that is an SVG. */
const shoot = async (context, page, file) => {
  const session = await context.newCDPSession(page);
  const { data } = await session.send("Page.captureScreenshot", { format: "png" });
  writeFileSync(join(shots, file), Buffer.from(data, "base64"));
};

const audit = async (page, name, how) => {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  const grave = violations.filter((v) => ["serious", "critical"].includes(v.impact));
  for (const v of grave) {
    console.log(`        ${v.id} (${v.impact}): ${v.help}; ${v.nodes.length} times, first ${v.nodes[0].html.slice(0, 160)}`);
  }
  check(grave.length === 0, `${name} (${how}): axe finds ${grave.map((v) => v.id).join(", ")}`);
};

/** What a reader does with a report. */
const use = async (page, name) => {
  const rows = page.locator("#connections-t tbody tr");
  const count = await rows.count();
  if (count > 0) {
    const head = page.locator("#connections-t thead th").nth(7);
    await head.locator("button").focus();
    await page.keyboard.press("Enter");
    check((await head.getAttribute("aria-sort")) === "ascending", `${name}: sorted by keyboard`);
    await page.keyboard.press("Enter");
    check((await head.getAttribute("aria-sort")) === "descending", `${name}: sorted the other way`);
    const values = await rows.evaluateAll((all) => all.map((r) => Number(r.cells[7].dataset.v)));
    check(values.every((v, i) => i === 0 || values[i - 1] >= v), `${name}: packets fall: ${values.slice(0, 9)}`);
    await page.fill("#search", "no such connection");
    check((await page.textContent("#found")).startsWith("0 of"), `${name}: a search without a find says so`);
    await page.fill("#search", "");
    check((await page.locator("#connections-t tbody tr:visible").count()) === count, `${name}: all are back`);
  }
  const plot = page.locator(".catch").first();
  if (await plot.count()) {
    await plot.scrollIntoViewIfNeeded();
    const box = await plot.boundingBox();
    const inner = page.locator("svg.plot").first();
    const whole = await inner.getAttribute("viewBox");
    await page.mouse.move(box.x + box.width * 0.5, box.y + box.height * 0.5);
    check((await page.locator(".read").first().textContent()).length > 3, `${name}: hover reads values off`);
    await page.mouse.move(box.x + box.width * 0.2, box.y + box.height * 0.1);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.4, box.y + box.height * 0.9, { steps: 3 });
    await page.mouse.up();
    const zoomed = await inner.getAttribute("viewBox");
    check(zoomed !== whole && Math.abs(Number(zoomed.split(" ")[2]) / Number(whole.split(" ")[2]) - 0.2) < 0.02, `${name}: dragging zooms: ${whole} to ${zoomed}`);
    await page.screenshot({ path: join(shots, `${name}-zoomed.png`) });
    await page.getByRole("button", { name: "Show all" }).first().click();
    check((await inner.getAttribute("viewBox")) === whole, `${name}: all is shown again`);
  }
  const link = page.locator('a[href*="-p"]').first();
  if (await link.count()) {
    const target = (await link.getAttribute("href")).slice(1);
    await link.click();
    check(await page.locator(`[id="${target}"]`).isVisible(), `${name}: the link to ${target} shows it`);
  }
  const dangling = await page.evaluate(() =>
    Array.from(document.querySelectorAll('a[href^="#"]'), (a) => a.getAttribute("href").slice(1)).filter((id) => !document.getElementById(id)),
  );
  check(dangling.length === 0, `${name}: links that lead nowhere: ${dangling.slice(0, 5)}`);
  check((await page.title()) !== "owned" && (await page.locator("main img").count()) === 0, `${name}: strangers' text stays text`);
  const sizes = await page.evaluate(() => Array.from(document.querySelectorAll("main svg[class]:not(svg svg)"), (s) => s.getBoundingClientRect().width));
  check(sizes.every((w) => w > 100), `${name}: every picture has a size: ${sizes.slice(0, 9)}`);
  const twice = await page.evaluate(() => {
    const ids = Array.from(document.querySelectorAll("[id]"), (e) => e.id);
    return ids.filter((id, i) => ids.indexOf(id) !== i).slice(0, 5);
  });
  check(twice.length === 0, `${name}: ids used twice: ${twice}`);
};

/** What the ladders of a document show: by the id of their section, arrows and packets in folds. */
const ladders = (page) =>
  page.evaluate(() =>
    Array.from(document.querySelectorAll("svg.ladder"), (ladder) => ({
      id: ladder.closest("section")?.id ?? "",
      arrows: ladder.querySelectorAll("g.segment").length,
      drawn: ladder.querySelectorAll("g.segment > line").length,
      folded: Array.from(ladder.querySelectorAll(".fold"), (f) => Number(f.dataset.packets)).reduce((a, b) => a + b, 0),
    })),
  );

const countArrows = async (page, name) => {
  for (const { id, arrows, drawn, folded } of await ladders(page)) {
    const expected = id
      ? await page.evaluate((id) => {
          const row = document.querySelector(`#connections-t a[href="#${id}"]`).closest("tr");
          return Number(row.cells[7].dataset.v) + Number(row.cells[8].dataset.v);
        }, id)
      : segments[name];
    check(arrows === drawn, `${name} ${id}: ${arrows} segments, ${drawn} lines`);
    check(arrows + folded === expected, `${name} ${id}: ${arrows} arrows and ${folded} folded of ${expected} segments`);
    if (name.endsWith("-whole.svg")) check(folded === 0, `${name}: nothing is folded`);
    counted += 1;
  }
};

const files = readdirSync(pages).filter((f) => /\.(html|svg)$/.test(f)).sort();
check(files.length > 0, `there are files in ${pages}`);
for (const file of files) {
  const path = join(pages, file);
  const name = basename(file);
  const size = statSync(path).size;
  check(size < 10_000_000, `${name}: ${size} octets`);
  const html = name.endsWith(".html");
  let ms = Infinity;
  for (const colorScheme of ["light", "dark"]) {
    const { context, page, seen, ms: took } = await open(path, { colorScheme });
    ms = Math.min(ms, took);
    if (html) await page.screenshot({ path: join(shots, `${name}-${colorScheme}.png`), fullPage: size < 300_000 });
    else await shoot(context, page, `${name}-${colorScheme}.png`);
    if (colorScheme === "light") await countArrows(page, name);
    // In a large page the second scheme would find the same, slowly.
    if (html && (colorScheme === "light" || size < 1_000_000)) await audit(page, name, colorScheme);
    if (html && colorScheme === "light") {
      await use(page, name);
      await page.pdf({ path: join(shots, `${name}.pdf`), format: "A4" });
    }
    check(seen.messages.length === 0, `${name}: console: ${seen.messages.slice(0, 3).join(" | ")}`);
    check(seen.requests.length === 0, `${name}: requests: ${seen.requests.slice(0, 3).join(" ")}`);
    await context.close();
  }
  // The better of two, so that what else the machine does is not held against the page.
  check(ms < 2000, `${name}: opened in ${Math.round(ms)} ms`);
  if (html) {
    const { context, page, seen } = await open(path, { javaScriptEnabled: false });
    check(seen.messages.length === 0, `${name}: without scripts: ${seen.messages.slice(0, 3)}`);
    check(await page.locator("h1").isVisible(), `${name}: reads without scripts`);
    await context.close();
  }
  console.log(`opened  ${name}: ${(size / 1000).toFixed(0)} kB in ${Math.round(ms)} ms`);
}
await browser.close();
check(Object.keys(segments).every((name) => files.includes(name)), "every ladder was opened");
check(counted > 0, "ladders were counted");
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
