// What the panels change and give away.

import { test } from "node:test";
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { browser, event, eventCount, framesLater, open, paused, sceneObjects, serve, stateOf, tap, truth, until } from "./harness.js";

test("precision and source change while the stream runs; masks are saved; themes change", async () => {
  const server = await serve();
  const chrome = await browser();
  const oracle = truth();
  try {
    const page = await open(await chrome.newContext({ colorScheme: "dark", acceptDownloads: true }), server.link);
    const [target] = sceneObjects(await oracle.of(await page.evaluate(() => window.seen.frame.frame))).filter((t) => !t.edge);
    await tap(page, target);
    const { object } = await event(page, "selected");
    await page.waitForFunction((object) => window.seen.frame.objects.some((o) => o.object === object), object);

    const precision = await page.inputValue("#choose-precision");
    const other = precision === "f32" ? "int8" : "f32";
    await page.selectOption("#choose-precision", other);
    await until("the precision changes", async () => (await stateOf(server)).model.precision === other);
    const frames = await page.evaluate(() => window.seen.frames);
    await page.waitForFunction((frames) => window.seen.frames > frames + 5, frames);
    assert.ok((await stateOf(server)).objects.some((o) => o.object === object), "what was followed is followed on");

    // What is saved is the frozen frame, made by the page.
    await paused(page, true);
    await page.click("#save summary");
    const [download] = await Promise.all([page.waitForEvent("download"), page.click("#save-coco")]);
    const coco = JSON.parse(await readFile(await download.path(), "utf8"));
    const frozen = await page.evaluate(() => window.seen.frame.frame);
    assert.equal(coco.images[0].id, frozen);
    const { counts } = coco.annotations[0].segmentation;
    assert.equal(counts.reduce((a, b) => a + b, 0), 640 * 480, "the runs cover the frame");
    await paused(page, false);

    const before = await eventCount(page);
    const sources = await page.locator("#choose-source option").allTextContents();
    const elsewhere = sources.find((s) => s.startsWith("scene:") && s !== "scene:7");
    await page.selectOption("#choose-source", elsewhere);
    const { message } = await event(page, "source_warned", before);
    assert.match(message, new RegExp(elsewhere));
    await page.waitForFunction(() => window.seen.frame.objects.length === 0);

    const theme = () => page.evaluate(() => [document.documentElement.dataset.theme, getComputedStyle(document.body).backgroundColor]);
    const [dark, darkColor] = await theme();
    assert.equal(dark, "dark");
    await page.click("#theme");
    const [light, lightColor] = await theme();
    assert.equal(light, "light");
    assert.notEqual(lightColor, darkColor);
    assert.deepEqual(page.problems, []);
  } finally {
    oracle.stop();
    await chrome.close();
    await server.stop();
  }
});

test("a page that only shows takes no prompts", async () => {
  const server = await serve({ prompts: false });
  const chrome = await browser();
  try {
    const page = await open(await chrome.newContext(), server.link);
    assert.ok(await page.isDisabled("#undo"));
    await tap(page, { x: 320, y: 240 });
    assert.match(await page.textContent("#toast"), /no prompts/);
    await framesLater(server, 6);
    assert.equal(await page.evaluate(() => window.seen.frame.objects.length), 0);
    assert.deepEqual(page.problems, []);
  } finally {
    await chrome.close();
    await server.stop();
  }
});
