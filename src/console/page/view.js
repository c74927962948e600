// The image, the masks over it, and the marks over those. All three are drawn in one go from one message, so that they
// never disagree.

import { state, on, emit, byId, colorOf, nameOf } from "./store.js";

const viewport = byId("viewport");
const layers = { frame: byId("frame"), masks: byId("masks"), marks: byId("marks") };
const decoder = new TextDecoder();

let waiting = null; // read, not drawn yet
let bitmap = null; // of the frame on the screen
let due = 0;
let order = 0;
export const marks = { box: null, press: null, ripples: [] };

/** Reads a message: u32 length, header, JPEG, corners. */
async function take(data) {
  const arrived = performance.now();
  const length = new DataView(data).getUint32(0, true);
  const header = JSON.parse(decoder.decode(new Uint8Array(data, 4, length)));
  const jpeg = new Uint8Array(data, 4 + length, header.jpeg);
  const corners = new DataView(data, 4 + length + header.jpeg);
  const mine = ++order;
  let at = 0;
  for (const object of header.objects) {
    object.path = new Path2D();
    for (const count of object.outlines) {
      for (let i = 0; i < count; i++, at += 4) {
        const x = corners.getUint16(at, true), y = corners.getUint16(at + 2, true);
        if (i === 0) object.path.moveTo(x, y); else object.path.lineTo(x, y);
      }
      object.path.closePath();
    }
  }
  let decoded;
  try {
    decoded = await createImageBitmap(new Blob([jpeg], { type: "image/jpeg" }));
  } catch {
    return emit("drawn", header); // an image that cannot be read; the next may be
  }
  if (waiting && waiting.order > mine) return decoded.close();
  waiting?.bitmap.close();
  waiting = { header, bitmap: decoded, arrived, order: mine };
  redraw();
}

/** Draws soon: once before the screen is next refreshed. */
export function redraw() {
  if (!due) due = requestAnimationFrame(draw);
}

function draw() {
  due = 0;
  if (waiting) {
    const { header, bitmap: next, arrived } = waiting;
    waiting = null;
    if (state.paused && state.shown) {
      next.close();
      emit("drawn", header);
    } else {
      bitmap?.close();
      bitmap = next;
      state.shown = header;
      header.screen_ms = header.sent_ms + performance.now() - arrived;
      paint();
      emit("drawn", header);
      emit("frame", header);
      return;
    }
  }
  paint();
}

function paint() {
  const shown = state.shown;
  if (!shown || !bitmap) return;
  const [width, height] = shown.size;
  viewport.style.setProperty("--ratio", width / height);
  const box = viewport.getBoundingClientRect();
  const scale = Math.min((box.width * devicePixelRatio) / width, 4) || 1;
  const size = [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
  const contexts = {};
  for (const [name, canvas] of Object.entries(layers)) {
    if (canvas.width !== size[0] || canvas.height !== size[1]) [canvas.width, canvas.height] = size;
    const context = canvas.getContext("2d");
    context.setTransform(size[0] / width, 0, 0, size[1] / height, 0, 0);
    if (name !== "frame") context.clearRect(0, 0, width, height);
    contexts[name] = context;
  }
  const pixel = width / box.width; // one CSS pixel in pixels of the frame
  contexts.frame.imageSmoothingQuality = "medium";
  contexts.frame.drawImage(bitmap, 0, 0, width, height);
  const objects = visible();
  for (const object of objects) paintMask(contexts.masks, object, pixel);
  for (const object of objects) paintLabel(contexts.marks, object, pixel, shown.size);
  paintMarks(contexts.marks, pixel);
  if (marks.ripples.length || marks.press) redraw();
}

/** What is drawn over the image: on a frozen one, the answers that were given on it. */
export function visible() {
  const shown = state.shown;
  if (!shown) return [];
  if (!state.paused) return shown.objects;
  const objects = shown.objects.filter((o) => !state.gone?.has(o.object)).map((o) => ({ ...o }));
  for (const answer of state.answers.values()) {
    if (answer.frame !== shown.frame) continue;
    const { path, area, box } = pathOf(answer.candidates[answer.chosen]);
    const known = objects.find((o) => o.object === answer.object);
    const now = { object: answer.object, state: "selected", score: answer.candidates[answer.chosen].score, path, area, box };
    if (known) Object.assign(known, now); else objects.push(now);
  }
  return objects;
}

/** Path, area and box of a candidate, kept with it. */
export function pathOf(candidate) {
  if (candidate.path) return candidate;
  const path = new Path2D();
  const box = [Infinity, Infinity, -Infinity, -Infinity];
  for (const outline of candidate.outlines) {
    for (let i = 0; i < outline.length; i += 2) {
      const [x, y] = [outline[i], outline[i + 1]];
      if (i === 0) path.moveTo(x, y); else path.lineTo(x, y);
      box[0] = Math.min(box[0], x); box[1] = Math.min(box[1], y);
      box[2] = Math.max(box[2], x); box[3] = Math.max(box[3], y);
    }
    path.closePath();
  }
  return Object.assign(candidate, { path, box: candidate.outlines.length ? box : null });
}

function paintMask(context, { object, path }, pixel) {
  const active = object === state.active;
  context.globalAlpha = active ? 0.5 : 0.38;
  context.fillStyle = colorOf(object);
  context.fill(path, "evenodd");
  context.lineJoin = "round";
  context.globalAlpha = 0.85;
  context.lineWidth = (active ? 4 : 3) * pixel;
  context.strokeStyle = "rgb(255 255 255 / 70%)";
  if (active) context.stroke(path);
  context.globalAlpha = 1;
  context.lineWidth = (active ? 2.2 : 1.6) * pixel;
  context.strokeStyle = colorOf(object);
  context.stroke(path);
}

function paintLabel(context, { object, box }, pixel, [width, height]) {
  if (!box) return;
  const text = nameOf(object);
  context.font = `600 ${12 * pixel}px system-ui, sans-serif`;
  context.textBaseline = "middle";
  const w = Math.min(context.measureText(text).width + 24 * pixel, width), h = 22 * pixel;
  const clamp = (v, most) => Math.max(3 * pixel, Math.min(v, most - 3 * pixel));
  const x = clamp((box[0] + box[2] - w) / 2, width - w);
  const y = clamp(box[1] - h - 5 * pixel, height - h);
  context.fillStyle = "rgb(10 14 14 / 74%)";
  context.beginPath();
  context.roundRect(x, y, w, h, h / 2);
  context.fill();
  context.fillStyle = colorOf(object);
  context.beginPath();
  context.arc(x + 11 * pixel, y + h / 2, 3.5 * pixel, 0, 7);
  context.fill();
  context.fillStyle = "#f3f7f6";
  context.fillText(text, x + 18 * pixel, y + h / 2 + 0.5 * pixel, w - 22 * pixel);
}

function paintMarks(context, pixel) {
  const ring = (x, y, radius, color, width = 2, from = 0, to = Math.PI * 2) => {
    context.beginPath();
    context.arc(x, y, radius, from, to);
    context.lineWidth = width * pixel;
    context.strokeStyle = color;
    context.stroke();
  };
  const now = performance.now();
  marks.ripples = marks.ripples.filter((r) => now - r.since < 450);
  for (const { x, y, since, color } of marks.ripples) {
    const part = (now - since) / 450;
    context.globalAlpha = 1 - part;
    ring(x, y, (6 + 22 * part) * pixel, color);
    context.globalAlpha = 1;
  }
  if (marks.press) {
    const part = Math.min(1, (now - marks.press.since) / marks.press.long);
    if (part > 0.2) ring(marks.press.x, marks.press.y, 26 * pixel, "#fff", 3, -Math.PI / 2, -Math.PI / 2 + 2 * Math.PI * part);
  }
  if (marks.box) {
    const [x0, y0, x1, y1] = marks.box;
    context.setLineDash([6 * pixel, 5 * pixel]);
    context.lineWidth = 2 * pixel;
    context.strokeStyle = "#fff";
    context.strokeRect(Math.min(x0, x1), Math.min(y0, y1), Math.abs(x1 - x0), Math.abs(y1 - y0));
    context.setLineDash([]);
    context.fillStyle = "rgb(255 255 255 / 8%)";
    context.fillRect(Math.min(x0, x1), Math.min(y0, y1), Math.abs(x1 - x0), Math.abs(y1 - y0));
  }
  if (state.cross) {
    const { x, y } = state.cross;
    for (const [color, width] of [["rgb(0 0 0 / 70%)", 4], ["#fff", 1.8]]) {
      context.beginPath();
      for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
        context.moveTo(x + dx * 5 * pixel, y + dy * 5 * pixel);
        context.lineTo(x + dx * 16 * pixel, y + dy * 16 * pixel);
      }
      context.lineWidth = width * pixel;
      context.strokeStyle = color;
      context.stroke();
    }
  }
  const { gaze, dwell } = state.shown;
  if (gaze && state.showGaze) {
    context.fillStyle = "rgb(255 255 255 / 34%)";
    context.beginPath();
    context.arc(gaze[0], gaze[1], 13 * pixel, 0, 7);
    context.fill();
    ring(gaze[0], gaze[1], 13 * pixel, "rgb(10 14 14 / 60%)", 1.5);
    if (dwell) ring(gaze[0], gaze[1], 19 * pixel, "#fff", 3.5, -Math.PI / 2, -Math.PI / 2 + 2 * Math.PI * dwell);
  }
}

/** A ring where something was pointed at, until the answer is seen. */
export function ripple(point, inside = true) {
  marks.ripples.push({ ...point, since: performance.now(), color: inside ? "#fff" : "#ff8f85" });
  redraw();
}

/** From a place on the screen to pixels of the frame. */
export function place(event) {
  const [width, height] = state.shown?.size ?? [1, 1];
  const box = viewport.getBoundingClientRect();
  const clamp = (v, most) => Math.max(0, Math.min(v, most));
  return {
    x: clamp(((event.clientX - box.left) / box.width) * width, width),
    y: clamp(((event.clientY - box.top) / box.height) * height, height),
  };
}

/** The object at a place, the active one first. */
export function objectAt({ x, y }) {
  const context = layers.marks.getContext("2d");
  context.save();
  context.setTransform(1, 0, 0, 1, 0, 0);
  const hit = visible().filter((o) => context.isPointInPath(o.path, x, y, "evenodd"));
  context.restore();
  return (hit.find((o) => o.object === state.active) ?? hit[0])?.object ?? null;
}

export const shownBitmap = () => bitmap;

on("message", take);
for (const name of ["names", "answer", "active", "pause"]) on(name, redraw);
on("link", ({ state: link }) => viewport.classList.toggle("stale", link !== "live"));
new ResizeObserver(redraw).observe(viewport);
