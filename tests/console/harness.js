// A foveate that serves the console, a browser that looks at it, and the truth about the scene.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { chromium } from "playwright-core";

const root = fileURLToPath(new URL("../..", import.meta.url));
const program = process.env.FOVEATE ?? `${process.env.CARGO_TARGET_DIR ?? `${root}target`}/release/foveate`;
export const FPS = 12;
export const SEED = 7;

/** Starts `foveate run` on the scene, or on several; gives its link once the page is served. */
export async function serve({ args = [], listen = "127.0.0.1:0", prompts = true, sources = [`scene:${SEED}`] } = {}) {
  const all = ["run", ...sources.flatMap((source) => ["--source", source]), "--fps", String(FPS), "--sink", "console", "--listen", listen,
    ...(prompts ? ["--prompt", "console"] : []), ...args];
  // The program may lie in a build folder of its own, away from the models.
  const env = { FOVEATE_MODELS: join(root, "models"), ...process.env };
  const child = spawn(program, all, { env, stdio: ["ignore", "ignore", "pipe"] });
  const output = [];
  const link = await new Promise((resolve, reject) => {
    createInterface({ input: child.stderr }).on("line", (line) => {
      output.push(line);
      const found = /console at (\S+)/.exec(line);
      if (found) resolve(found[1]);
    });
    child.on("exit", (code) => reject(new Error(`foveate ended with ${code}:\n${output.join("\n")}`)));
  });
  const ended = new Promise((resolve) => child.on("exit", resolve));
  const stop = async (signal = "SIGINT") => {
    child.kill(signal);
    return ended;
  };
  return { link, port: Number(new URL(link).port), output, stop, pid: child.pid };
}

/** The id map of a frame of the scene. */
export function truth({ seed = SEED } = {}) {
  const example = join(dirname(program), "examples", "scene_truth");
  const child = spawn(example, ["--seed", String(seed), "--fps", String(FPS)], { stdio: ["pipe", "pipe", "inherit"] });
  const waiting = [];
  createInterface({ input: child.stdout }).on("line", (line) => {
    const { size: [width, height], runs } = JSON.parse(line);
    const ids = new Uint8Array(width * height);
    let at = 0;
    for (const [id, length] of runs) ids.fill(id, at, (at += length));
    waiting.shift()({ width, height, ids });
  });
  const of = (frame) => new Promise((resolve) => {
    waiting.push(resolve);
    child.stdin.write(`${frame}\n`);
  });
  return { of, stop: () => child.stdin.end() };
}

/** The scene's objects in an id map, largest first, each with a point well within it. */
export function sceneObjects({ width, height, ids }) {
  const found = new Map();
  ids.forEach((id, i) => {
    if (!id) return;
    if (!found.has(id)) found.set(id, { id, area: 0, x: 0, y: 0, box: [width, height, 0, 0], edge: false });
    const object = found.get(id);
    const x = i % width, y = (i / width) | 0;
    object.area++;
    object.x += x;
    object.y += y;
    object.box = [Math.min(object.box[0], x), Math.min(object.box[1], y), Math.max(object.box[2], x + 1), Math.max(object.box[3], y + 1)];
    if (x === 0 || y === 0 || x === width - 1 || y === height - 1) object.edge = true;
  });
  const list = [...found.values()].map((t) => ({ ...t, x: t.x / t.area, y: t.y / t.area }));
  const inside = ({ id, x, y }) => ids[Math.round(y) * width + Math.round(x)] === id;
  return list.filter(inside).sort((a, b) => b.area - a.area);
}

const executablePath = ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find(existsSync);

export async function browser() {
  const args = ["--no-sandbox", "--disable-dev-shm-usage"];
  // A page from the tree comes from nowhere, and would not be let near this machine's servers.
  if (process.env.FOVEATE_PAGE) args.push("--disable-features=LocalNetworkAccessChecks");
  return chromium.launch({ executablePath, args });
}

/** Opens the console and waits for its first frame. Foreign requests and errors of the page are collected. */
export async function open(context, link) {
  const page = await context.newPage();
  page.problems = [];
  if (process.env.FOVEATE_PAGE) await fromTree(page);
  const { host } = new URL(link);
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (!["blob:", "data:"].includes(url.protocol) && url.host !== host) page.problems.push(`asks ${url.href}`);
  });
  page.on("pageerror", (error) => page.problems.push(String(error)));
  page.on("console", (message) => {
    const lost = /WebSocket connection|Failed to load resource/.test(message.text());
    if (message.type() === "error" && !lost) page.problems.push(message.text());
  });
  await page.addInitScript(() => {
    window.seen = { frame: null, frames: 0, events: [], taps: [], answers: 0, links: [] };
    document.addEventListener("foveate:frame", ({ detail }) => { window.seen.frame = detail; window.seen.frames++; });
    document.addEventListener("foveate:event", ({ detail }) => window.seen.events.push(detail));
    document.addEventListener("foveate:tapped", ({ detail }) => window.seen.taps.push(detail.ms));
    document.addEventListener("foveate:answer", () => window.seen.answers++);
    document.addEventListener("foveate:link", ({ detail }) => window.seen.links.push(detail.state));
  });
  await page.goto(link);
  await page.waitForFunction(() => window.seen.frame, null, { timeout: 30_000 });
  return page;
}

/** While one works on the page: its files from the tree rather than from the program. */
async function fromTree(page) {
  const folder = `${root}src/console/page/`;
  await page.route(/\/(\w+\.(js|css|svg))?(\?.*)?$/, (route) => {
    const name = new URL(route.request().url()).pathname.slice(1) || "index.html";
    return existsSync(folder + name) ? route.fulfill({ path: folder + name }) : route.continue();
  });
}

/** From pixels of the frame to the screen. */
export async function onScreen(page, { x, y }) {
  return page.evaluate(([x, y]) => {
    const box = document.getElementById("viewport").getBoundingClientRect();
    const [width, height] = window.seen.frame.size;
    return { x: box.left + (x / width) * box.width, y: box.top + (y / height) * box.height };
  }, [x, y]);
}

export async function tap(page, point, options) {
  const { x, y } = await onScreen(page, point);
  await page.mouse.click(x, y, options);
}

/** The frame on the screen and the masks that the canvas over it shows, at the frame's resolution. */
export async function masks(page) {
  return page.evaluate(() => {
    const { frame, size: [width, height], objects } = window.seen.frame;
    const copy = new OffscreenCanvas(width, height).getContext("2d");
    copy.drawImage(document.getElementById("masks"), 0, 0, width, height);
    const { data } = copy.getImageData(0, 0, width, height);
    const mask = [];
    for (let i = 3; i < data.length; i += 4) mask.push(data[i] >= 64 ? 1 : 0);
    return { frame, width, height, mask, objects: objects.map(({ object, state }) => ({ object, state })) };
  });
}

export function iou(mask, ids, id) {
  let both = 0, either = 0;
  for (let i = 0; i < ids.length; i++) {
    const a = mask[i] === 1, b = ids[i] === id;
    both += a && b;
    either += a || b;
  }
  return either ? both / either : 0;
}

export async function paused(page, yes) {
  const is = await page.getAttribute("#pause", "aria-pressed");
  if ((is === "true") !== yes) await page.click("#pause");
}

/** Waits until what the page knows now is on its canvases: it paints once before the screen is refreshed. */
export async function painted(page) {
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
}

/** Asks until `isSo` is true, for `seconds`; `what` is said if it never is. */
export async function until(what, isSo, seconds = 30) {
  for (const end = performance.now() + seconds * 1000; !(await isSo());) {
    if (performance.now() > end) throw new Error(`not within ${seconds} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** The server's state. */
export const stateOf = (server) => fetch(new URL("/api/state", server.link)).then((r) => r.json());

/** Waits until the stream is `count` frames further. */
export async function framesLater(server, count) {
  const { stream: { frames } } = await stateOf(server);
  await until(`${count} frames more`, async () => (await stateOf(server)).stream.frames >= frames + count);
}

/** Lets every object go, and waits until the image shows none. */
export async function cleared(page) {
  if (await page.evaluate(() => window.seen.frame.objects.length)) await page.click("#clear");
  await page.waitForFunction(() => window.seen.frame.objects.length === 0);
}

/** Waits until the page has heard of an event, after the first `from` of them. */
export async function event(page, kind, from = 0) {
  const found = await page.waitForFunction(
    ([kind, from]) => window.seen.events.slice(from).find((e) => e.event === kind), [kind, from], { timeout: 10_000 });
  return found.jsonValue();
}

export const eventCount = (page) => page.evaluate(() => window.seen.events.length);
