// The connection: frames and words in, prompts out. It comes back by itself.

import { state, on, emit, toast } from "./store.js";

const WAITS = [300, 600, 1200, 2500, 5000];
let socket = null;
let tries = 0;
let timer = 0;
let past = false; // events between the greeting and the names are of the past

export function connect() {
  clearTimeout(timer);
  // Behind a proxy the page may lie under a path, and speak with encryption.
  const url = new URL("./ws", document.baseURI);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  socket = new WebSocket(url);
  socket.binaryType = "arraybuffer";
  socket.onmessage = ({ data }) => (typeof data === "string" ? word(JSON.parse(data)) : emit("message", data));
  socket.onclose = ({ code, reason }) => closed(code, reason);
}

function word(message) {
  switch (message.type) {
    case "hello":
      tries = 0;
      past = true;
      state.live = true;
      state.takesPrompts = message.takes_prompts;
      state.answers.clear();
      emit("link", { state: "live" });
      emit("figures", (state.figures = message));
      break;
    case "state":
      past = false;
      emit("figures", (state.figures = message));
      break;
    case "names":
      past = false;
      emit("names", (state.names = message.names));
      break;
    case "answer":
      state.answers.set(message.object, message);
      emit("answer", message);
      break;
    case "event": emit(past ? "past" : "event", message); break;
    case "refused":
      toast(message.reason);
      emit("refused", message);
      break;
  }
}

async function closed(code, reason) {
  state.live = false;
  emit("link", { state: code === 1001 ? "ended" : "lost", reason });
  // A token that is no more valid looks like a lost connection; the server answers 401.
  const refused = await fetch("./api/state", { cache: "no-store" }).then((r) => r.status === 401, () => false);
  if (refused) return emit("link", { state: "refused" });
  timer = setTimeout(connect, WAITS[Math.min(tries++, WAITS.length - 1)]);
}

/** False when the connection is down. */
export function send(message) {
  if (socket?.readyState !== WebSocket.OPEN) return false;
  socket.send(JSON.stringify(message));
  return true;
}

/** Asks for something on the frame that is shown. */
export function prompt(message, made = state.shown) {
  if (!state.takesPrompts) return toast("This stream takes no prompts from the page.");
  if (!made) return false;
  return send({ at: made.at, ...message });
}

on("drawn", ({ frame }) => send({ type: "ack", frame }));
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && !state.live && socket?.readyState === WebSocket.CLOSED) connect();
});
