// Prints figures of the console on this machine; asserts nothing of them. `node measure.js [taps|clients]`

import { readFileSync } from "node:fs";
import { browser, cleared, FPS, open, serve, tap, sceneObjects, stateOf, truth } from "./harness.js";
import { dial, reader } from "./socket.js";

const what = process.argv[2];
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const median = (list) => list.toSorted((a, b) => a - b)[list.length >> 1];
const stage = (figures, name) => figures.stages.find((s) => s.stage === name);

/** From the pointer's lift to the first image on the screen that holds the mask, measured by the page. */
async function taps() {
  const server = await serve();
  const chrome = await browser();
  const oracle = truth();
  const page = await open(await chrome.newContext({ viewport: { width: 1280, height: 800 } }), server.link);
  for (let round = 0; round < 30; round++) {
    const frame = await page.evaluate(() => window.seen.frame.frame);
    const list = sceneObjects(await oracle.of(frame)).filter((t) => !t.edge && t.area > 3000);
    const before = await page.evaluate(() => window.seen.taps.length);
    await tap(page, list[round % list.length]);
    await page.waitForFunction((n) => window.seen.taps.length > n, before, { timeout: 5000 }).catch(() => {});
    await cleared(page);
  }
  const times = await page.evaluate(() => window.seen.taps);
  const figures = await stateOf(server);
  const decoder = stage(figures, "decode").service.p50_ms;
  const sorted = times.toSorted((a, b) => a - b);
  console.log(`tap to mask on screen: ${times.length} taps, median ${median(times).toFixed(1)} ms, 90 of 100 below ` +
    `${sorted[Math.floor(sorted.length * 0.9)].toFixed(1)} ms; decoder ${decoder.toFixed(1)} ms; beyond the decoder ` +
    `${(median(times) - decoder).toFixed(1)} ms (${FPS} frames a second, capture to mask ${figures.age.p50_ms.toFixed(1)} ms)`);
  await chrome.close();
  oracle.stop();
  await server.stop();
}

function memory(pid) {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) / 1024;
}

/** The stream's rate without pages and with ten, one of which never reads, in turns of one run. */
async function clients(fps) {
  const server = await serve({ args: fps ? ["--fps", String(fps)] : [] });
  const rates = { none: [], ten: [] };
  const rate = async (seconds) => {
    const before = await stateOf(server), at = performance.now();
    await sleep(seconds * 1000);
    const after = await stateOf(server);
    return (stage(after, "decode").frames_out - stage(before, "decode").frames_out) / ((performance.now() - at) / 1000);
  };
  await sleep(3000);
  const resident = [memory(server.pid)];
  const received = [];
  for (let turn = 0; turn < 4; turn++) {
    rates.none.push(await rate(8));
    const readers = Array.from({ length: 9 }, () => reader(server.port));
    const silent = dial(server.port);
    silent.deaf();
    await sleep(1000);
    rates.ten.push(await rate(8));
    received.push(...readers.map((r) => r.frames / 9));
    readers.forEach((r) => r.end());
    silent.end();
    resident.push(memory(server.pid));
    await sleep(500);
  }
  const mean = (list) => list.reduce((a, b) => a + b, 0) / list.length;
  const [none, ten] = [mean(rates.none), mean(rates.ten)];
  console.log(`ten pages, one never reads: ${ten.toFixed(2)} frames a second against ${none.toFixed(2)} with none ` +
    `(${((ten / none - 1) * 100).toFixed(1)} %); turns ${rates.none.map((r) => r.toFixed(1))} and ` +
    `${rates.ten.map((r) => r.toFixed(1))}; each reader got ${mean(received).toFixed(1)} a second; ` +
    `memory ${resident.map((m) => m.toFixed(0)).join(", ")} MiB`);
  await server.stop();
}

if (!what || what === "taps") await taps();
if (!what || what === "clients") await clients(process.argv[3]);
