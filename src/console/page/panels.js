// Status, stages, board, model, events.

import { state, on, emit, byId, nameOf, say, toast } from "./store.js";
import { send } from "./link.js";

// Status

function status(how, text, detail = "") {
  byId("status").dataset.state = how;
  for (const [id, now] of [["status-text", text], ["status-detail", detail]]) {
    if (byId(id).textContent !== now) byId(id).textContent = now;
  }
}

const frames = [];

on("link", ({ state: link }) => {
  const words = {
    live: ["starting", "Connected, waiting for frames"],
    lost: ["lost", "Connection lost, trying again"],
    ended: ["lost", "The stream has ended; waiting for the next"],
    refused: ["refused", "This link is not valid any more: open the one the terminal shows"],
  };
  status(...words[link]);
});

on("drawn", () => {
  const now = performance.now();
  frames.push(now);
  while (frames[0] < now - 2000) frames.shift();
});

setInterval(() => {
  if (!state.live || !state.figures) return;
  const now = performance.now();
  const recent = frames.filter((t) => t > now - 2000);
  const { stream, model, stuck } = state.figures;
  if (stuck) return status("still", `Stuck: ${stuck}`);
  if (!frames.length) return;
  if (now - frames.at(-1) > 3000 && !document.hidden) return status("still", "No frames at present");
  const fps = recent.length > 1 ? ((recent.length - 1) * 1000) / (recent.at(-1) - recent[0]) : 0;
  status("live", "Live", `${fps.toFixed(0)} fps · ${stream.source} · ${model.name} ${model.precision}`);
}, 500);

// Stages. Rates are between two reports, about two seconds apart.

let before = null;

function stages(list) {
  const now = performance.now();
  const rate = (stage) => {
    const was = before?.list.find((s) => s.stage === stage.stage);
    return was ? ((stage.frames_out - was.frames_out) * 1000) / (now - before.at) : null;
  };
  const body = byId("stages");
  body.replaceChildren(...list.map((stage) => {
    const line = document.createElement("tr");
    const fps = rate(stage);
    const { p50_ms, p95_ms, p99_ms } = stage.service;
    const ms = (v) => (v >= 100 ? v.toFixed(0) : v.toFixed(1));
    const cells = [stage.stage, fps === null ? "–" : fps.toFixed(1), ms(p50_ms), ms(p95_ms), ms(p99_ms), stage.dropped];
    cells.forEach((text, i) => {
      const cell = document.createElement("td");
      cell.textContent = text;
      if (i === 0) cell.title = text;
      line.append(cell);
    });
    return line;
  }));
  if (!before || now - before.at > 1800) before = { at: now, list };
}

// Board and model

function facts(place, rows) {
  place.replaceChildren(...rows.filter(([, value]) => value).flatMap(([name, value]) => [
    Object.assign(document.createElement("dt"), { textContent: name }),
    Object.assign(document.createElement("dd"), { textContent: value }),
  ]));
}

function choice(id, present, offered) {
  const select = byId(id);
  const all = offered?.includes(present) ? offered : [present, ...(offered ?? [])];
  const key = all.join("\n");
  if (select.dataset.key !== key) {
    select.dataset.key = key;
    select.replaceChildren(...all.map((value) => new Option(value, value)));
  }
  if (document.activeElement !== select || select.dataset.requested === present) select.value = present;
  select.disabled = all.length < 2;
}

for (const what of ["model", "precision", "source"]) {
  byId(`choose-${what}`).addEventListener("change", ({ target }) => {
    target.dataset.requested = target.value;
    if (send({ type: "switch", [what]: target.value })) toast(`Changing to ${target.value}…`);
  });
}

on("figures", (figures) => {
  const { board, model, choices, stream, degrade } = figures;
  stages(figures.stages ?? []);
  facts(byId("board"), [
    ["Board", board.name], ["Processor", board.cpu], ["Cores", board.cores],
    ["Memory", board.memory_mib && `${(board.memory_mib / 1024).toFixed(1)} GiB`],
    ["Instructions", board.instruction_sets?.join(" ")], ["Temperature", figures.celsius && `${figures.celsius.toFixed(0)} °C`],
    ["Slowed down", figures.throttled],
  ]);
  byId("celsius").textContent = figures.celsius ? `${figures.celsius.toFixed(0)} °C` : "";
  choice("choose-model", model.name, choices.models);
  choice("choose-precision", model.precision, choices.precisions);
  choice("choose-source", stream.source, choices.sources);
  const rung = byId("rung");
  rung.hidden = !degrade?.rung;
  if (degrade?.rung) rung.textContent = `Giving way to the budgets: ${degrade.setting} (rung ${degrade.rung} of ${degrade.last_rung})`;
  byId("foot").textContent = `foveate ${figures.version} · ${stream.size[0]}×${stream.size[1]} · input ${model.input.join("×")}`;
});

// Events

const KEEP = 60;

function sentence(e) {
  const object = e.object === undefined ? "" : nameOf(e.object);
  switch (e.event) {
    case "selected": return `${object} selected`;
    case "rejected": return `Not possible: ${e.reason}`;
    case "released": return `${object} let go`;
    case "undone": return `${object}: taken back`;
    case "lost": return `${object} lost`;
    case "found": return `${object} found again`;
    case "dropped": return `${e.count} frames dropped at ${e.stage}: ${e.reason}`;
    case "stalled": return `${e.stage} holds a frame for ${e.busy_s.toFixed(1)} s`;
    case "source_lost": return `Source lost: ${e.reason}`;
    case "source_reopened": return `Source is back after ${e.after_s.toFixed(1)} s`;
    case "degraded": case "recovered": return `${e.setting}: ${e.reason}`;
    default: return [e.event.replaceAll("_", " "), e.setting, e.reason ?? e.message].filter(Boolean).join(": ");
  }
}

function note(event) {
  const text = sentence(event);
  const line = document.createElement("li");
  const time = Object.assign(document.createElement("time"), { textContent: `${event.time_s.toFixed(1)} s` });
  line.append(time, Object.assign(document.createElement("span"), { textContent: text }));
  const list = byId("events");
  list.prepend(line);
  while (list.children.length > KEEP) list.lastChild.remove();
  return text;
}

on("past", note);
on("event", (event) => {
  const text = note(event);
  if (["selected", "released", "undone", "lost", "found"].includes(event.event)) say(text);
  if (event.event === "rejected") toast(text);
});

on("link", ({ state: link }) => { if (link === "live") byId("events").replaceChildren(); });

// Gaze

byId("show-gaze").addEventListener("change", ({ target }) => { state.showGaze = target.checked; emit("pause", state.paused); });
on("frame", ({ gaze }) => { if (gaze) byId("gaze-note").hidden = true; });
