// The list of objects and the strip of candidates.

import { state, on, emit, byId, colorOf, nameOf, say } from "./store.js";
import { send, prompt } from "./link.js";
import { pathOf, visible } from "./view.js";

const list = byId("objects");
const strip = byId("strip");
const rows = new Map();
const WORDS = { selected: "selected", tracked: "followed", lost: "lost" };

function row(object) {
  const item = document.createElement("li");
  item.className = "object";
  item.dataset.object = object;
  const color = Object.assign(document.createElement("input"), { type: "color", ariaLabel: `Colour of object ${object}` });
  const name = Object.assign(document.createElement("input"), {
    type: "text", maxLength: 48, placeholder: `Object ${object}`, ariaLabel: `Name of object ${object}`, spellcheck: false,
    autocomplete: "off",
  });
  const word = Object.assign(document.createElement("span"), { className: "state" });
  const away = Object.assign(document.createElement("button"), { type: "button", className: "icon-button", title: "Let it go" });
  away.ariaLabel = `Let object ${object} go`;
  away.innerHTML = '<svg aria-hidden="true"><use href="#i-close"/></svg>';
  item.append(color, name, word, away);
  item.addEventListener("pointerdown", () => activate(object));
  item.addEventListener("focusin", () => activate(object));
  color.addEventListener("change", () => send({ type: "label", object, color: color.value }));
  name.addEventListener("change", () => send({ type: "label", object, name: name.value }));
  name.addEventListener("keydown", (event) => { if (event.key === "Enter") name.blur(); });
  away.addEventListener("click", () => release(object));
  return { item, color, name, word };
}

function render() {
  const objects = visible();
  const present = new Set(objects.map((o) => o.object));
  for (const [object, { item }] of rows) {
    if (present.has(object)) continue;
    item.remove();
    rows.delete(object);
  }
  for (const { object, state: how, score } of objects) {
    if (!rows.has(object)) {
      rows.set(object, row(object));
      list.append(rows.get(object).item);
    }
    const { item, color, name, word } = rows.get(object);
    item.dataset.state = how;
    if (object === state.active) item.setAttribute("aria-current", "true"); else item.removeAttribute("aria-current");
    const text = how === "lost" ? WORDS.lost : `${Math.round(score * 100)} %`;
    if (word.textContent !== text) word.textContent = text;
    word.title = `${WORDS[how]}, predicted overlap`;
    if (document.activeElement !== color && color.value !== colorOf(object)) color.value = colorOf(object);
    const called = state.names[object]?.name ?? "";
    if (document.activeElement !== name && name.value !== called) name.value = called;
  }
  byId("objects-empty").hidden = objects.length > 0;
  byId("clear").disabled = objects.length === 0;
  if (present.has(state.fresh)) state.fresh = null;
  const gone = state.active !== null && state.active !== state.fresh && !present.has(state.active);
  if (gone) activate(objects.at(-1)?.object ?? null);
}

export function activate(object) {
  if (state.active === object) return;
  state.active = object;
  emit("active", object);
  render();
}

function release(object) {
  if (object === null) return;
  if (state.paused) (state.gone ??= new Set()).add(object);
  if (state.paused) state.answers.delete(object);
  send({ type: "release", object });
  render();
  emit("active", state.active);
}

// The strip

let drawn = null;

function renderStrip() {
  const answer = state.answers.get(state.active);
  strip.inert = !answer || answer.candidates.length < 2;
  if (strip.inert) {
    drawn = null;
    return strip.replaceChildren();
  }
  if (drawn === answer) return;
  const focused = strip.contains(document.activeElement);
  drawn = answer;
  strip.replaceChildren(...answer.candidates.map((candidate, i) => {
    const button = Object.assign(document.createElement("button"), { type: "button", role: "radio" });
    button.setAttribute("aria-checked", i === answer.chosen);
    button.tabIndex = i === answer.chosen ? 0 : -1;
    button.ariaLabel = `Mask ${i + 1}, ${Math.round(candidate.score * 100)} % sure`;
    button.title = `${button.ariaLabel} (${i + 1})`;
    const canvas = document.createElement("canvas");
    const number = Object.assign(document.createElement("span"), { textContent: i + 1 });
    button.append(canvas, number);
    button.addEventListener("click", () => choose(i));
    silhouette(canvas, answer, candidate);
    return button;
  }));
  if (focused) strip.children[answer.chosen]?.focus();
}

/** Every candidate on the same piece of the frame, so that part, object and group compare. */
function silhouette(canvas, answer, candidate) {
  const boxes = answer.candidates.map((c) => pathOf(c).box).filter(Boolean);
  const all = [0, 1].map((i) => Math.min(...boxes.map((b) => b[i]))).concat([2, 3].map((i) => Math.max(...boxes.map((b) => b[i]))));
  const side = 64 * devicePixelRatio;
  canvas.width = canvas.height = side;
  const context = canvas.getContext("2d");
  const scale = (side * 0.74) / Math.max(all[2] - all[0], all[3] - all[1], 1);
  context.translate(side / 2, side * 0.54);
  context.scale(scale, scale);
  context.translate(-(all[0] + all[2]) / 2, -(all[1] + all[3]) / 2);
  context.fillStyle = colorOf(answer.object);
  context.fill(pathOf(candidate).path, "evenodd");
}

function choose(candidate) {
  const answer = state.answers.get(state.active);
  if (!answer || candidate >= answer.candidates.length || candidate === answer.chosen) return;
  prompt({ type: "choose", object: answer.object, candidate });
  say(`Mask ${candidate + 1}`);
}

strip.addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 1, ArrowUp: -1 }[event.key];
  const answer = state.answers.get(state.active);
  if (!step || !answer) return;
  event.preventDefault();
  choose((answer.chosen + step + answer.candidates.length) % answer.candidates.length);
});

on("activate", activate);
on("choose", choose);
on("release", release);
on("step", (by) => {
  const objects = visible().map((o) => o.object);
  if (!objects.length) return;
  activate(objects[(objects.indexOf(state.active) + by + objects.length) % objects.length]);
  say(nameOf(state.active));
});
on("rename", () => {
  rows.get(state.active)?.name.focus();
  rows.get(state.active)?.name.select();
});
on("event", (event) => {
  if (event.event === "selected" && !rows.has(event.object)) state.fresh = event.object;
});
on("answer", ({ object }) => {
  // Whoever was asked about last is meant next; others' objects do not take over.
  if (state.asking || state.active === null) activate(object);
  renderStrip();
  if (state.paused) render();
});
for (const name of ["frame", "names", "pause"]) on(name, render);
on("active", renderStrip);
on("frame", () => { if (!state.answers.has(state.active)) renderStrip(); });
on("names", () => { drawn = null; renderStrip(); });
