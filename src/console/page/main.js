// Puts the parts together: tools, pause, theme, and the time from a tap to its mask.

import { state, on, emit, byId, say, toast } from "./store.js";
import { connect, send, prompt } from "./link.js";
import "./view.js";
import "./pointer.js";
import "./keys.js";
import "./objects.js";
import "./panels.js";
import "./plot.js";
import "./save.js";

// Tools

const tools = [...document.querySelectorAll("[data-tool]")];

function choose(tool, focus) {
  state.tool = tool;
  for (const button of tools) {
    const chosen = button.dataset.tool === tool;
    button.setAttribute("aria-checked", chosen);
    button.tabIndex = chosen ? 0 : -1;
    if (chosen && focus) button.focus();
  }
}

for (const button of tools) {
  button.addEventListener("click", () => choose(button.dataset.tool));
  button.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    choose(tools[(tools.indexOf(button) + step + tools.length) % tools.length].dataset.tool, true);
  });
}

byId("undo").addEventListener("click", () => { send({ type: "undo" }); say("Undo"); });
byId("clear").addEventListener("click", () => {
  if (state.paused) state.gone = new Set(state.shown?.objects.map((o) => o.object));
  if (state.paused) state.answers.clear();
  send({ type: "clear" });
  say("Every object let go");
  emit("pause", state.paused);
});

// Pause: the frame that is seen is kept, and prompts on it count.

function pause(paused) {
  if (paused === state.paused || (paused && !state.shown)) return;
  state.paused = paused;
  state.gone = null;
  if (!paused) state.fresh = state.active; // it may be on no live frame yet
  if (paused) prompt({ type: "hold" }); else send({ type: "resume" });
  byId("pause").setAttribute("aria-pressed", paused);
  byId("pause-text").textContent = paused ? "Go on" : "Pause";
  byId("pause-icon").setAttribute("href", paused ? "#i-play" : "#i-pause");
  byId("frozen").hidden = !paused;
  say(paused ? "Paused" : "Going on");
  emit("pause", paused);
}

byId("pause").addEventListener("click", () => pause(!state.paused));
on("link", ({ state: link }) => { if (link !== "live") pause(false); });
// The frame is not kept: what is seen is not what a prompt would mean.
on("refused", ({ code }) => { if (code === "too_many_frozen" || code === "frame_gone") pause(false); });

// From a tap to its mask on the screen

const asked = []; // prompts that are not answered yet
const answered = [];
const FAR = 8; // frames from the one that was seen: it is another image
state.taps = [];

on("asked", (made) => {
  asked.push({ since: performance.now(), time_s: made.time_s, frame: made.frame, frozen: state.paused });
  state.asking = true;
  while (asked.length > 8) asked.shift();
  byId("hint").hidden = true;
});
on("event", (event) => {
  if (event.event !== "selected" && event.event !== "rejected") return;
  const at = asked.findIndex((a) => Math.abs(a.time_s - event.prompt_time_s) < 0.002);
  if (at < 0) return;
  const [ask] = asked.splice(at, 1);
  state.asking = asked.length > 0;
  if (event.event === "selected") {
    if (Math.abs(event.frame - ask.frame) > FAR) toast("The image you pointed at is gone: this is the answer on a later one.");
    emit("activate", event.object);
    // On a frozen image there is no next frame to wait for.
    if (!ask.frozen) answered.push({ ...ask, object: event.object });
  }
});
on("frame", (shown) => {
  for (let i = answered.length - 1; i >= 0; i--) {
    if (!shown.objects.some((o) => o.object === answered[i].object)) continue;
    const [{ since }] = answered.splice(i, 1);
    const ms = performance.now() - since;
    state.taps.push(ms);
    if (state.taps.length > 200) state.taps.shift();
    byId("tap-ms").textContent = `${ms.toFixed(0)} ms`;
    byId("tap-line").hidden = false;
    emit("tapped", { ms });
  }
});

// The first thing a user sees is what to do.

let greeted = false;
on("frame", ({ objects }) => {
  if (greeted && objects.length) byId("hint").hidden = true;
  if (greeted) return;
  greeted = true;
  byId("hint").hidden = objects.length > 0 || !state.takesPrompts;
});
on("figures", ({ takes_prompts }) => {
  for (const button of document.querySelectorAll(".tools button")) {
    if (!["pause", "clear"].includes(button.id)) button.disabled = !takes_prompts;
  }
});

// Light or dark

const dark = matchMedia("(prefers-color-scheme: dark)");

function theme(name) {
  document.documentElement.dataset.theme = name;
  emit("theme", name);
}

function remembered() {
  try { return localStorage.getItem("theme"); } catch { return null; }
}

theme(remembered() ?? (dark.matches ? "dark" : "light"));
dark.addEventListener("change", () => { if (!remembered()) theme(dark.matches ? "dark" : "light"); });
byId("theme").addEventListener("click", () => {
  const next = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  try { localStorage.setItem("theme", next); } catch { /* a page without memory keeps the system's */ }
  theme(next);
});

byId("help").addEventListener("click", () => byId("help-dialog").showModal());

connect();
