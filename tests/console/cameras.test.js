// Several cameras on one page.

import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { browser, open, serve, until } from "./harness.js";

let server, chrome;

before(async () => {
  server = await serve({ sources: ["left=scene:1", "right=scene:2"] });
  chrome = await browser();
});

after(async () => {
  await chrome?.close();
  await server?.stop();
});

const stateOf = (camera) => fetch(new URL(`${camera}/api/state`, server.link)).then((answer) => answer.json());

test("the page shows each camera, and a tap selects in the one that is tapped", async () => {
  const page = await (await chrome.newContext({ viewport: { width: 1360, height: 840 } })).newPage();
  const problems = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
  await page.goto(server.link);
  const views = ["left", "right"].map((name) => page.frameLocator(`iframe[title="Camera ${name}"]`).locator("#viewport"));
  for (const view of views) await view.waitFor({ timeout: 30_000 });
  await until("both are live", async () =>
    (await Promise.all(["left", "right"].map(stateOf))).every(({ pages, stream }) => pages.open === 1 && stream.frames > 5));
  await views[1].click();
  await until("an object on the right", async () => (await stateOf("right")).objects.length === 1);
  assert.equal((await stateOf("left")).objects.length, 0);
  assert.match(await page.title(), /left, right/);
  assert.deepEqual(problems, []);
  await page.context().close();
});

test("a camera's page stands alone too", async () => {
  const page = await open(await chrome.newContext(), new URL("left/", server.link).href);
  assert.deepEqual(page.problems, []);
  await page.context().close();
});
