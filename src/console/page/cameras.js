// Every camera's own page, side by side.

const WAIT = 1500;

function figure({ camera, path, source }) {
  const figure = Object.assign(document.createElement("figure"), { className: "camera" });
  const caption = document.createElement("figcaption");
  const address = Object.assign(document.createElement("small"), { textContent: source ?? "" });
  const alone = Object.assign(document.createElement("a"), { href: `./${path}`, textContent: "Open alone" });
  alone.setAttribute("aria-label", `Open ${camera} alone`);
  caption.append(camera, address, alone);
  const page = Object.assign(document.createElement("iframe"), { src: `./${path}`, title: `Camera ${camera}` });
  figure.append(caption, page);
  return figure;
}

// The pages within come back by themselves; only the list of cameras has to be asked for until it is there.
async function show() {
  const problem = document.getElementById("problem");
  try {
    const response = await fetch("./api/cameras", { cache: "no-store" });
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.error ?? response.statusText);
    problem.hidden = true;
    document.title = `${answer.cameras.map(({ camera }) => camera).join(", ")} · foveate`;
    document.getElementById("cameras").replaceChildren(...answer.cameras.map(figure));
  } catch (error) {
    problem.textContent = `The list of cameras does not come: ${error.message}`;
    problem.hidden = false;
    setTimeout(show, WAIT);
  }
}

// The theme that was chosen on a camera's page.
function theme() {
  let chosen = null;
  try { chosen = localStorage.getItem("theme"); } catch { /* a page without memory has the system's */ }
  if (chosen) document.documentElement.dataset.theme = chosen;
  else delete document.documentElement.dataset.theme;
}

addEventListener("storage", theme);
theme();
show();
