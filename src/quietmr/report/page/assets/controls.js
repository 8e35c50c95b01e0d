// Sliders, buttons and the words beside them.
const find = (id) => document.getElementById(id);
const SIGNS = { "-": "\u2212" };
const said = (value, digits = 3) => {
  const size = Math.abs(value);
  const text = size !== 0 && (size < 1e-3 || size >= 1e5) ? value.toExponential(digits - 1) : String(Number(value.toPrecision(digits)));
  return text.replace(/-/g, (sign) => SIGNS[sign]);
};
const numberOf = (axis, index) => index * page.strides[AXES.indexOf(axis)] + 1;
const countOf = (axis) => page.full[AXES.indexOf(axis)];
const slideWords = (axis) => `${numberOf(axis, state.position[axis])} / ${countOf(axis)}`;

// Window and level run over so many times the first window.
const REACH = { grey: 2, removed: 4, sigma: 1 };
const firstWindow = (scale) => ({ grey: page.window, removed: [-page.limit, page.limit], sigma: [0, largestSigma()] })[scale];

let knownSigma = 0;
function largestSigma() {
  if (!knownSigma) {
    for (const step of volumes.sigma.steps) knownSigma = Math.max(knownSigma, step * volumes.sigma.step);
  }
  return knownSigma || 1;
}

function setWindow(centre, size) {
  const scale = scaleName();
  const middle = scale === "removed" ? 0 : centre;
  change({ windows: { ...state.windows, [scale]: [middle - size / 2, middle + size / 2] } });
}

function startControls(views) {
  for (const view of views) {
    view.slider?.addEventListener("input", () => moveTo({ [view.normal]: Number(view.slider.value) }));
    view.element.querySelector(".enlarge")?.addEventListener("click", () => {
      views.forEach((other) => other.element.classList.toggle("main", other === view));
      view.canvas.focus({ preventScroll: true });
      change({});
    });
  }
  for (const input of document.querySelectorAll("[name=layer]")) {
    input.addEventListener("change", () => change({ layer: input.value }));
  }
  find("frame")?.addEventListener("input", (event) => moveTo({ t: Number(event.target.value) }));
  find("zoom-in").addEventListener("click", () => setZoom(state.zoom * 1.5));
  find("zoom-out").addEventListener("click", () => setZoom(state.zoom / 1.5));
  find("zoom-reset").addEventListener("click", () => setZoom(1));
  find("cross").addEventListener("click", () => change({ cross: !state.cross }));
  for (const id of ["window", "level"]) {
    find(id).addEventListener("input", () => {
      const [low, high] = firstWindow(scaleName());
      const range = (high - low) * REACH[scaleName()];
      setWindow(low + (find("level").value / 1000) * range, Math.max(0.005, find("window").value / 1000) * range);
    });
  }
  find("window-reset").addEventListener("click", () => {
    change({ windows: { ...state.windows, [scaleName()]: [...firstWindow(scaleName())] } });
  });
}

function showControls(views) {
  const stage = find("stage");
  stage.classList.toggle("compare", state.layer === "compare");
  stage.classList.toggle("zoomed", state.zoom > 1);
  for (const view of views) {
    if (view.slider) {
      view.slider.value = state.position[view.normal];
      view.slider.setAttribute("aria-valuetext", slideWords(view.normal));
      view.slider.nextElementSibling.value = slideWords(view.normal);
    }
    const before = Math.round(100 * state.wipe);
    view.handle.setAttribute("aria-valuenow", before);
    view.handle.setAttribute("aria-valuetext", `${before} % before`);
  }
  if (find("frame")) {
    find("frame").value = state.position.t;
    find("frame").nextElementSibling.value = slideWords("t");
  }
  find("zoom-value").value = `${Math.round(100 * state.zoom)} %`;
  find("cross").setAttribute("aria-pressed", state.cross);
  showWindow();
  showScale();
  showReadout();
}

function showWindow() {
  const scale = scaleName();
  const [low, high] = state.windows[scale];
  const [first, last] = firstWindow(scale);
  const range = (last - first) * REACH[scale];
  find("level-label").hidden = scale === "removed";
  const unit = scale === "removed" ? " \u03c3" : "";
  for (const [id, value, from] of [["level", (low + high) / 2, first], ["window", high - low, 0]]) {
    find(id).value = (1000 * (value - from)) / range;
    find(id).nextElementSibling.value = said(value) + unit;
    find(id).setAttribute("aria-valuetext", said(value) + unit);
  }
}

// A strip of the colours with its two ends.
function strip(colourAt) {
  const canvas = document.createElement("canvas");
  canvas.width = 128;
  canvas.height = 1;
  const context = canvas.getContext("2d");
  for (let i = 0; i < 128; i += 1) {
    context.fillStyle = `rgb(${colourAt(i / 127).map(Math.round).join(" ")})`;
    context.fillRect(i, 0, 1, 1);
  }
  return canvas;
}

let shownScale = "";
function showScale() {
  const [low, high] = state.windows[scaleName()].map((value) => said(value));
  const strips = {
    compare: () => [low, strip((part) => Array(3).fill(255 * part)), high],
    removed: () => [`${low} \u03c3`, strip((part) => Array(3).fill(255 * part)), `${high} \u03c3`],
    sigma: () => [low, strip(colour), `${high} noise SD`],
    structure: () => ["added", strip((part) => marked(70, (part - 0.5) * 16)), "removed, beyond noise"],
  };
  const key = [state.layer, low, high].join();
  if (key === shownScale) return;
  shownScale = key;
  find("scale").replaceChildren(...strips[state.layer]());
}

function showReadout() {
  const p = state.position;
  const facts = [
    ["before", said(reading.before(p))],
    ["after", said(reading.after(p))],
    ["removed", `${said(reading.removed(p), 2)}\u00a0\u03c3`],
    ["noise", said(reading.sigma(p))],
  ];
  find("readout").replaceChildren(...facts.map(([name, value]) => {
    const [group, label] = [document.createElement("span"), document.createElement("i")];
    label.textContent = name;
    group.append(label, ` ${value}`);
    return group;
  }));
}
