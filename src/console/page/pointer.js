// Touch, mouse and pen on the image.

import { state, on, emit, byId, toast } from "./store.js";
import { prompt } from "./link.js";
import { marks, place, redraw, ripple, objectAt } from "./view.js";

const viewport = byId("viewport");
const LONG_MS = 500;
const SLOP = 8; // CSS pixels a finger may stray and still rest

let down = null; // the pointer that is down
let timer = 0;

/** Points at a place with the tool in hand. */
export function point(at, made, tool = state.tool) {
  const inside = tool !== "remove";
  ripple(at, inside);
  if (tool === "select" || tool === "box") {
    const under = objectAt(at);
    if (under !== null) emit("activate", under);
    return prompt({ type: "tap", ...at }, made) && emit("asked", made);
  }
  if (state.active === null) return toast("Select an object first.");
  prompt({ type: "point", object: state.active, label: inside ? 1 : 0, ...at }, made) && emit("asked", made);
}

/** What lies there does not belong to the object. */
export function exclude(at, made) {
  ripple(at, false);
  const under = objectAt(at) ?? state.active;
  if (under === null) return toast("Select an object first, then say what does not belong to it.");
  prompt({ type: "point", object: under, label: 0, ...at }, made) && emit("asked", made);
}

export function drawBox(corners, made) {
  prompt({ type: "box", box: corners }, made) && emit("asked", made);
}

function release() {
  clearTimeout(timer);
  down = marks.press = marks.box = null;
  redraw();
}

viewport.addEventListener("pointerdown", (event) => {
  if (!state.shown || down || event.button > 2) return;
  viewport.setPointerCapture(event.pointerId);
  state.cross = null;
  const at = place(event);
  if (event.button === 2) return exclude(at, state.shown);
  if (event.button === 1) return;
  down = { id: event.pointerId, at, made: state.shown, x: event.clientX, y: event.clientY, moved: false };
  if (state.tool === "select") {
    marks.press = { ...at, since: performance.now(), long: LONG_MS };
    timer = setTimeout(() => {
      if (!down || down.moved) return;
      navigator.vibrate?.(15);
      exclude(down.at, down.made);
      release();
    }, LONG_MS);
  }
  redraw();
});

viewport.addEventListener("pointermove", (event) => {
  if (down?.id !== event.pointerId) return;
  if (!down.moved && Math.hypot(event.clientX - down.x, event.clientY - down.y) > SLOP) {
    down.moved = true;
    clearTimeout(timer);
    marks.press = null;
  }
  if (down.moved) {
    const { x, y } = place(event);
    marks.box = [down.at.x, down.at.y, x, y];
    redraw();
  }
});

viewport.addEventListener("pointerup", (event) => {
  if (down?.id !== event.pointerId) return;
  const { at, made, moved } = down;
  const box = marks.box;
  release();
  if (!moved) return point(at, made);
  const [x0, y0, x1, y1] = box;
  if (Math.abs(x1 - x0) >= 4 && Math.abs(y1 - y0) >= 4) drawBox(box, made);
});

viewport.addEventListener("pointercancel", release);
viewport.addEventListener("contextmenu", (event) => event.preventDefault());
document.addEventListener("keydown", (event) => { if (event.key === "Escape" && down) release(); });
on("link", ({ state: link }) => { if (link !== "live") release(); });
