// The connection: it comes back, and it is refused to those who may not have it.

import { test } from "node:test";
import assert from "node:assert/strict";
import http from "node:http";
import { browser, open, serve } from "./harness.js";

test("the page reconnects when the server starts again", async () => {
  const first = await serve();
  const chrome = await browser();
  try {
    const page = await open(await chrome.newContext(), first.link);
    await first.stop("SIGKILL");
    await page.waitForFunction(() => window.seen.links.includes("lost"));
    assert.match(await page.textContent("#status-text"), /lost/i);
    const before = await page.evaluate(() => window.seen.frames);
    const second = await serve({ listen: `127.0.0.1:${first.port}` });
    await page.waitForFunction((before) => window.seen.frames > before + 3, before, { timeout: 20_000 });
    await page.waitForFunction(() => document.getElementById("status").dataset.state === "live");
    assert.deepEqual(page.problems, []);
    // A stream that ends says so.
    await second.stop();
    await page.waitForFunction(() => window.seen.links.includes("ended"));
  } finally {
    await chrome.close();
  }
});

test("elsewhere than on loopback a token is asked for", async () => {
  const server = await serve({ listen: "0.0.0.0:0" });
  const chrome = await browser();
  try {
    assert.match(server.link, /\?token=[0-9a-f]{32}$/);
    const bare = new URL("/", server.link).href;
    const stranger = await (await chrome.newContext()).newPage();
    const answer = await stranger.goto(bare);
    assert.equal(answer.status(), 401);
    assert.match(await stranger.textContent("body"), /link that the terminal shows/);
    const page = await open(await chrome.newContext(), server.link);
    assert.equal(page.url(), bare, "the token has left the address");
    assert.deepEqual(page.problems, []);
    assert.ok(server.output.filter((line) => /[▀▄█]/.test(line)).length > 10, "a QR code is shown");
  } finally {
    await chrome.close();
    await server.stop();
  }
});

test("another site's page gets nothing", async () => {
  const server = await serve();
  const site = http.createServer((_, response) => response.setHeader("content-type", "text/html").end("<h1>evil</h1>"));
  await new Promise((resolve) => site.listen(0, "127.0.0.1", resolve));
  const chrome = await browser();
  try {
    const page = await (await chrome.newContext()).newPage();
    await page.goto(`http://127.0.0.1:${site.address().port}/`);
    const outcome = await page.evaluate(async (port) => {
      const place = `127.0.0.1:${port}`;
      const socket = await new Promise((resolve) => {
        const socket = new WebSocket(`ws://${place}/ws`);
        socket.onopen = () => resolve("open");
        socket.onerror = () => resolve("refused");
      });
      const frame = await new Promise((resolve) => {
        const image = new Image();
        image.onload = () => resolve("seen");
        image.onerror = () => resolve("refused");
        image.src = `http://${place}/api/frame.jpg`;
      });
      const post = await fetch(`http://${place}/api/prompts`, { method: "POST", mode: "no-cors", body: '{"type":"clear"}' })
        .then((r) => r.type, () => "refused");
      return { socket, frame, post };
    }, server.port);
    assert.equal(outcome.socket, "refused");
    assert.equal(outcome.frame, "refused");
    const state = await fetch(new URL("/api/state", server.link)).then((r) => r.json());
    assert.equal(state.objects.length, 0);
  } finally {
    await chrome.close();
    site.close();
    await server.stop();
  }
});
