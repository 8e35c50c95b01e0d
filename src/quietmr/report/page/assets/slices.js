// Slices of the volumes as pictures, one pixel for each voxel.
const MAP = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];
const REMOVED = [242, 179, 61];
const ADDED = [88, 166, 255];

function colour(part) {
  const at = clamp(part, 0, 1) * (MAP.length - 1);
  const i = Math.min(MAP.length - 2, Math.floor(at));
  return MAP[i].map((low, k) => low + (at - i) * (MAP[i + 1][k] - low));
}

// Amber where structure was removed, blue where it was added, the stronger the surer.
function marked(grey, excess) {
  const size = Math.abs(excess);
  if (size < page.structureShown) return [grey, grey, grey];
  const share = Math.min(0.85, 0.35 + 0.1 * (size - page.structureShown));
  return (excess > 0 ? REMOVED : ADDED).map((part) => grey + share * (part - grey));
}

const reading = {
  after: (p) => valueAt(volumes.after, p),
  before: (p) => valueAt(volumes.after, p) + valueAt(volumes.removed, p) * unitAt(p),
  removed: (p) => valueAt(volumes.inphase ?? volumes.removed, p),
  sigma: (p) => valueAt(volumes.sigma, p),
  structure: (p) => (volumes.structure ? valueAt(volumes.structure, p) : 0),
};

function paint(view, kind) {
  const rowAxis = AXES[view.row + 1];
  const columnAxis = AXES[view.column + 1];
  const rows = lengthOf(rowAxis);
  const columns = lengthOf(columnAxis);
  const pixels = new ImageData(columns, rows);
  const [low, high] = state.windows[scaleName()];
  const gain = 1 / (high - low);
  const place = { ...state.position };
  const value = reading[kind === "structure" ? "after" : kind];
  let at = 0;
  for (let r = 0; r < rows; r += 1) {
    place[rowAxis] = view.flipRows ? rows - 1 - r : r;
    for (let c = 0; c < columns; c += 1) {
      place[columnAxis] = view.flipColumns ? columns - 1 - c : c;
      const part = (value(place) - low) * gain;
      let rgb;
      if (kind === "sigma") rgb = colour(part);
      else if (kind === "structure") rgb = marked(255 * clamp(part, 0, 1), reading.structure(place));
      if (rgb) pixels.data.set(rgb, at);
      else pixels.data.fill(255 * part, at, at + 3);
      pixels.data[at + 3] = 255;
      at += 4;
    }
  }
  const canvas = new OffscreenCanvas(columns, rows);
  canvas.getContext("2d").putImageData(pixels, 0, 0);
  return canvas;
}

// The last picture of each kind is kept: wiping, zooming and moving the crosshair in the plane paint nothing anew.
const painted = new Map();

function pictureOf(index, kind) {
  const view = page.views[index];
  const key = [state.position.t, state.position[AXES[view.normal + 1]], ...state.windows[scaleName()]].join();
  const slot = `${index} ${kind}`;
  if (painted.get(slot)?.key !== key) painted.set(slot, { key, canvas: paint(view, kind) });
  return painted.get(slot).canvas;
}
