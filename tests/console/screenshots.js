// Makes the screenshots of docs/images.

import { fileURLToPath } from "node:url";
import { browser, cleared, open, paused, serve, tap, sceneObjects, truth } from "./harness.js";

const folder = fileURLToPath(new URL("../../docs/images/", import.meta.url));
const server = await serve();
const chrome = await browser();
const oracle = truth();

async function shot(name, options, prepare = async () => {}) {
  const page = await open(await chrome.newContext(options), server.link);
  await cleared(page);
  await paused(page, true);
  const frame = await page.evaluate(() => window.seen.frame.frame);
  const list = sceneObjects(await oracle.of(frame)).filter((t) => !t.edge && t.area > 2500).slice(0, 3);
  for (const [i, target] of list.entries()) {
    await tap(page, target);
    await page.waitForFunction((n) => window.seen.answers >= n, i + 1);
  }
  await page.waitForTimeout(200);
  await paused(page, false);
  await page.waitForTimeout(6000);
  await prepare(page);
  await page.screenshot({ path: `${folder}${name}.jpg`, type: "jpeg", quality: 88 });
  await page.context().close();
}

const desk = { viewport: { width: 1360, height: 840 } };
const phone = { viewport: { width: 360, height: 760 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true };
await shot("console-desk", { ...desk, colorScheme: "light" });
await shot("console-dark", { ...desk, colorScheme: "dark" }, async (page) => {
  await page.click("#panel-board summary");
  await page.click("#panel-events summary");
});
await shot("console-phone", { ...phone, colorScheme: "light" });
await shot("console-phone-dark", { ...phone, colorScheme: "dark" }, async (page) => {
  await page.evaluate(() => window.scrollTo(0, document.body.scrollHeight));
});
await server.stop();

const cameras = await serve({ sources: ["left=scene:1", "right=scene:2"] });
const page = await (await chrome.newContext({ viewport: { width: 1360, height: 700 }, colorScheme: "light" })).newPage();
await page.goto(cameras.link);
for (const name of ["left", "right"]) await page.frameLocator(`iframe[title="Camera ${name}"]`).locator("#viewport").click();
await page.waitForTimeout(6000);
await page.screenshot({ path: `${folder}console-cameras.jpg`, type: "jpeg", quality: 88 });
await cameras.stop();
await chrome.close();
oracle.stop();
