// What is saved of a frozen frame is made here, of what is seen; of the live image the server gives the next frame.

import { state, byId, nameOf } from "./store.js";
import { shownBitmap, visible } from "./view.js";

function give(blob, name) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

function canvas() {
  const [width, height] = state.shown.size;
  return Object.assign(document.createElement("canvas"), { width, height });
}

function image(type) {
  const target = canvas();
  target.getContext("2d").drawImage(shownBitmap(), 0, 0, target.width, target.height);
  target.toBlob((blob) => give(blob, `foveate-${state.shown.frame}.jpg`), type, 0.92);
}

/** Set pixels of an object's mask: those whose centres its outlines hold. */
function pixels({ path }) {
  const target = canvas();
  const context = target.getContext("2d", { willReadFrequently: true });
  context.fill(path, "evenodd");
  const { data } = context.getImageData(0, 0, target.width, target.height);
  return Uint8Array.from({ length: data.length / 4 }, (_, i) => (data[i * 4 + 3] >= 128 ? 1 : 0));
}

function idMap() {
  const target = canvas();
  const context = target.getContext("2d");
  const map = context.createImageData(target.width, target.height);
  for (let i = 3; i < map.data.length; i += 4) map.data[i] = 255;
  for (const object of visible()) {
    pixels(object).forEach((inside, i) => { if (inside) map.data.fill(Math.min(object.object, 255), i * 4, i * 4 + 3); });
  }
  context.putImageData(map, 0, 0);
  target.toBlob((blob) => give(blob, `foveate-${state.shown.frame}.png`), "image/png");
}

/** Uncompressed run lengths down the columns, as COCO has them. */
function counts(mask, width, height) {
  const out = [];
  let run = 0, was = 0;
  for (let x = 0; x < width; x++) {
    for (let y = 0; y < height; y++) {
      const now = mask[y * width + x];
      if (now !== was) { out.push(run); run = 0; was = now; }
      run++;
    }
  }
  out.push(run);
  return out;
}

function coco() {
  const { frame, time_s, size: [width, height] } = state.shown;
  const objects = visible().filter((o) => o.box);
  const annotations = objects.map((object) => {
    const mask = pixels(object);
    const [x0, y0, x1, y1] = object.box;
    return {
      id: object.object, image_id: frame, category_id: object.object, iscrowd: 1, score: object.score,
      area: mask.reduce((a, b) => a + b, 0), bbox: [x0, y0, x1 - x0, y1 - y0],
      segmentation: { size: [height, width], counts: counts(mask, width, height) },
    };
  });
  const text = JSON.stringify({
    info: { description: "foveate" },
    images: [{ id: frame, file_name: `frame-${frame}.jpg`, width, height, time_s }],
    annotations,
    categories: objects.map(({ object }) => ({ id: object, name: nameOf(object) })),
  });
  give(new Blob([text], { type: "application/json" }), `foveate-${frame}.json`);
}

const ways = { "save-image": () => image("image/jpeg"), "save-png": idMap, "save-coco": coco };
for (const [id, save] of Object.entries(ways)) {
  byId(id).addEventListener("click", (event) => {
    byId("save").open = false;
    if (!state.paused || !state.shown) return;
    event.preventDefault();
    save();
  });
}
document.addEventListener("click", (event) => { if (!event.target.closest("#save")) byId("save").open = false; });
document.addEventListener("keydown", (event) => { if (event.key === "Escape") byId("save").open = false; });
