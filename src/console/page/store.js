// What the page knows, and who wants to hear of it.

export const state = {
  live: false,
  /** The frame on the screen: header, outlines as paths. */
  shown: null,
  /** The server's last word on stages, board, model. */
  figures: null,
  takesPrompts: true,
  names: {},
  /** By object: the candidates of its last answer. */
  answers: new Map(),
  /** The object that points and keys mean. */
  active: null,
  /** Selected, but on no frame yet. */
  fresh: null,
  /** A prompt of this page waits for its answer. */
  asking: false,
  /** Let go while the image is frozen. */
  gone: null,
  tool: "select",
  paused: false,
  showGaze: true,
  /** The cross of the keyboard, in pixels of the frame. */
  cross: null,
};

const listeners = new Map();

export function on(name, listener) {
  if (!listeners.has(name)) listeners.set(name, []);
  listeners.get(name).push(listener);
}

export function emit(name, detail) {
  for (const listener of listeners.get(name) ?? []) listener(detail);
  document.dispatchEvent(new CustomEvent(`foveate:${name}`, { detail }));
}

export const byId = (id) => document.getElementById(id);

// Okabe and Ito's colours, as the overlays use them: they stay apart under colour-vision deficiencies.
const COLORS = ["#56b4e9", "#d55e00", "#f0e442", "#009e73", "#cc79a7", "#e69f00", "#0072b2"];

export function colorOf(object) {
  return state.names[object]?.color ?? COLORS[(object - 1 + COLORS.length) % COLORS.length];
}

export function nameOf(object) {
  return state.names[object]?.name ?? `Object ${object}`;
}

/** For screen readers. */
export function say(text) {
  const place = byId("say");
  place.textContent = "";
  requestAnimationFrame(() => { place.textContent = text; });
}

let toastTimer = 0;

/** For everybody, for a while. */
export function toast(text) {
  const place = byId("toast");
  place.textContent = text;
  place.hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { place.hidden = true; }, 4000);
}
