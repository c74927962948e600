// Everything by keyboard.

import { state, emit, byId, say, nameOf } from "./store.js";
import { point, exclude, drawBox } from "./pointer.js";
import { marks, objectAt, redraw } from "./view.js";

const viewport = byId("viewport");
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
let corner = null;
let sayTimer = 0;

function cross() {
  const [width, height] = state.shown.size;
  state.cross ??= { x: width / 2, y: height / 2 };
  return state.cross;
}

function move([dx, dy], event) {
  const [width, height] = state.shown.size;
  const step = (event.shiftKey ? 0.1 : event.altKey ? 1 / width : 0.015) * width;
  const at = cross();
  state.cross = { x: Math.max(0, Math.min(width, at.x + dx * step)), y: Math.max(0, Math.min(height, at.y + dy * step)) };
  if (corner) marks.box = [corner.x, corner.y, state.cross.x, state.cross.y];
  redraw();
  clearTimeout(sayTimer);
  sayTimer = setTimeout(() => {
    const under = objectAt(state.cross);
    say(`${Math.round(state.cross.x)}, ${Math.round(state.cross.y)}${under === null ? "" : `, on ${nameOf(under)}`}`);
  }, 350);
}

function box() {
  const at = { ...cross() };
  if (!corner) {
    corner = at;
    say("First corner");
  } else {
    drawBox([corner.x, corner.y, at.x, at.y], state.shown);
    corner = marks.box = null;
  }
  redraw();
}

function onViewport(event) {
  if (!state.shown) return false;
  if (ARROWS[event.key]) return move(ARROWS[event.key], event), true;
  switch (event.key) {
    case "Enter": point({ ...cross() }, state.shown, "select"); return true;
    case "x": case "X": exclude({ ...cross() }, state.shown); return true;
    case "b": case "B": box(); return true;
    case "Escape": corner = marks.box = state.cross = null; redraw(); return true;
    default: return false;
  }
}

function anywhere(event) {
  const key = event.key.toLowerCase();
  if (/^[1-9]$/.test(key)) return emit("choose", Number(key) - 1), true;
  const ids = { z: "undo", c: "clear", p: "pause", " ": "pause", t: "theme", "?": "help", v: "tool-select", a: "tool-add", r: "tool-remove", b: "tool-box" };
  if (ids[key]) return byId(ids[key]).click(), true;
  switch (key) {
    case "[": case "]": emit("step", key === "]" ? 1 : -1); return true;
    case "n": emit("rename"); return true;
    case "g": byId("show-gaze").click(); return true;
    case "delete": case "backspace": emit("release", state.active); return true;
    default: return false;
  }
}

document.addEventListener("keydown", (event) => {
  const inField = event.target.closest?.("input[type=text], select, dialog");
  if (inField || event.metaKey || (event.ctrlKey && event.key !== "z")) return;
  // A button keeps its own keys.
  if (event.target.closest?.("button, a, summary, input") && (event.key === " " || event.key === "Enter")) return;
  const done = (document.activeElement === viewport && onViewport(event)) || anywhere(event);
  if (done) event.preventDefault();
});
viewport.addEventListener("blur", () => { state.cross = corner = marks.box = null; redraw(); });
