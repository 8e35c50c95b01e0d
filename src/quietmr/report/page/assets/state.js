// What is shown, in one place; whoever draws is told of a change once per frame of the screen.
const [, depth, height, width] = page.shape;
const volumes = {};

const state = {
  layer: "compare",
  wipe: 0.5,
  zoom: 1,
  cross: false,
  position: {
    t: page.shape[0] >> 1,
    ...Object.fromEntries(page.views.map((view) => [AXES[view.normal + 1], view.start])),
  },
  // Middle of the pictures: a place between voxels.
  centre: { z: (depth - 1) / 2, y: (height - 1) / 2, x: (width - 1) / 2 },
  // Lowest and highest shown value of each scale.
  windows: { grey: [...page.window], removed: [-page.limit, page.limit], sigma: [0, 1] },
};
if (page.views.length < 3) {
  const unset = { z: depth >> 1, y: height >> 1, x: width >> 1 };
  state.position = { ...unset, ...state.position };
}

const listeners = [];
let waiting = false;

function onChange(listener) {
  listeners.push(listener);
}

function change(patch) {
  Object.assign(state, patch);
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    listeners.forEach((listener) => listener());
  });
}

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
const lengthOf = (axis) => page.shape[AXES.indexOf(axis)];

function moveTo(place) {
  const position = { ...state.position };
  for (const [axis, value] of Object.entries(place)) {
    position[axis] = clamp(Math.round(value), 0, lengthOf(axis) - 1);
  }
  change({ position });
}

function setWipe(part) {
  change({ wipe: clamp(part, 0, 1) });
}

function setZoom(zoom) {
  const next = clamp(zoom, 1, 12);
  if (next === 1) {
    change({ zoom: 1, centre: { z: (depth - 1) / 2, y: (height - 1) / 2, x: (width - 1) / 2 } });
    return;
  }
  // The first step in goes to the crosshair.
  const { z, y, x } = state.position;
  change(state.zoom === 1 ? { zoom: next, centre: { z, y, x } } : { zoom: next });
}

const scaleName = () => ({ compare: "grey", structure: "grey" })[state.layer] ?? state.layer;
const unitAt = (position) => valueAt(volumes.sigma, position) || page.level;
