// The age of what is on the screen, over the last half minute.

import { on, byId } from "./store.js";

const canvas = byId("age-plot");
const SECONDS = 30;
const points = []; // [time, to mask, to screen]
let due = false;

function draw() {
  due = false;
  const box = canvas.getBoundingClientRect();
  if (!box.width) return;
  const ratio = devicePixelRatio;
  if (canvas.width !== Math.round(box.width * ratio)) canvas.width = Math.round(box.width * ratio);
  if (canvas.height !== Math.round(box.height * ratio)) canvas.height = Math.round(box.height * ratio);
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, box.width, box.height);
  const style = (selector) => getComputedStyle(document.querySelector(selector));
  const soft = style("#age-legend").color, line = style(".card").borderTopColor;
  const highest = Math.max(50, ...points.map((p) => Math.max(p[1], p[2])));
  const top = [50, 100, 200, 300, 500, 1000, 2000, 5000].find((v) => v >= highest) ?? highest;
  const left = 30, bottom = box.height - 4;
  const y = (ms) => bottom - (ms / top) * (bottom - 8);
  const now = points.at(-1)?.[0] ?? 0;
  const x = (time) => box.width - ((now - time) / 1000 / SECONDS) * (box.width - left);
  context.font = "10px system-ui, sans-serif";
  context.textBaseline = "middle";
  context.textAlign = "right";
  context.lineWidth = 1;
  for (const ms of [0, top / 2, top]) {
    context.strokeStyle = line;
    context.beginPath();
    context.moveTo(left, Math.round(y(ms)) + 0.5);
    context.lineTo(box.width, Math.round(y(ms)) + 0.5);
    context.stroke();
    context.fillStyle = soft;
    context.fillText(ms, left - 6, y(ms));
  }
  for (const [column, name] of [[2, ".key.screen"], [1, ".key.mask"]]) {
    context.strokeStyle = style(name).backgroundColor;
    context.lineWidth = 1.6;
    context.lineJoin = "round";
    context.beginPath();
    points.forEach((p, i) => (i ? context.lineTo(x(p[0]), y(p[column])) : context.moveTo(x(p[0]), y(p[column]))));
    context.stroke();
  }
}

function median(column) {
  const recent = points.slice(-40).map((p) => p[column]).sort((a, b) => a - b);
  return recent[recent.length >> 1];
}

let shownAt = 0;

on("frame", ({ age_ms, screen_ms }) => {
  const now = performance.now();
  points.push([now, age_ms, screen_ms]);
  while (points.length > 2000 || points[0][0] < now - SECONDS * 1000) points.shift();
  if (now - shownAt < 250) return;
  shownAt = now;
  const text = (ms) => `${ms.toFixed(0)} ms`;
  byId("age-mask").textContent = text(median(1));
  byId("age-screen").textContent = text(median(2));
  byId("age-now").textContent = text(median(2));
  if (!due) { due = true; requestAnimationFrame(draw); }
});
on("theme", draw);
