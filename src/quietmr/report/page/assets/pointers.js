// Mouse, fingers and keys on the pictures.
function listenTo(view) {
  const { canvas, handle } = view;
  const fingers = new Map();
  let drag = null;

  const here = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };

  const wipeTo = (x) => {
    const [start, end] = view.wipeWay();
    if (end > start) setWipe((x - start) / (end - start));
  };

  const point = (event) => {
    change({ cross: true });
    moveTo(view.placeAt(...here(event)));
  };

  const pan = (event) => {
    const { dx, dy } = view.layout();
    const [columnSign, rowSign] = [view.about.flipColumns ? 1 : -1, view.about.flipRows ? 1 : -1];
    const centre = { ...state.centre };
    centre[view.column] = clamp(centre[view.column] + (columnSign * event.movementX) / dx, 0, lengthOf(view.column) - 1);
    centre[view.row] = clamp(centre[view.row] + (rowSign * event.movementY) / dy, 0, lengthOf(view.row) - 1);
    change({ centre });
  };

  const spread = () => {
    const [one, two] = [...fingers.values()];
    return Math.hypot(one[0] - two[0], one[1] - two[1]);
  };

  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, here(event));
    if (fingers.size === 2) drag = { what: "pinch", spread: spread(), zoom: state.zoom };
    else if (event.button === 1 || event.shiftKey) drag = { what: "pan" };
    else if (event.pointerType === "touch") drag = { what: state.zoom > 1 ? "pan" : "wipe", from: here(event), tap: true };
    else drag = { what: "cross" };
    if (drag.what === "cross") point(event);
    if (event.button === 1) event.preventDefault();
  });

  canvas.addEventListener("pointermove", (event) => {
    if (!drag || !fingers.has(event.pointerId)) return;
    const [x, y] = here(event);
    fingers.set(event.pointerId, [x, y]);
    if (drag.tap && Math.hypot(x - drag.from[0], y - drag.from[1]) > 8) drag.tap = false;
    if (drag.tap) return;
    if (drag.what === "pinch" && fingers.size === 2) setZoom((drag.zoom * spread()) / drag.spread);
    else if (drag.what === "pan") pan(event);
    else if (drag.what === "wipe" && state.layer === "compare") wipeTo(x);
    else if (drag.what === "cross") point(event);
  });

  const end = (event) => {
    if (drag?.tap && event.type === "pointerup") point(event);
    fingers.delete(event.pointerId);
    if (!fingers.size) drag = null;
  };
  canvas.addEventListener("pointerup", end);
  canvas.addEventListener("pointercancel", end);

  canvas.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    setZoom(state.zoom * Math.exp(-event.deltaY / 200));
  }, { passive: false });

  // The handle keeps its distance to the finger; a click on it is one on the picture beneath.
  let grip = null;
  handle.addEventListener("pointerdown", (event) => {
    handle.setPointerCapture(event.pointerId);
    grip = { from: event.clientX, away: here(event)[0] - handle.offsetLeft - handle.offsetWidth / 2, moved: false };
  });
  handle.addEventListener("pointermove", (event) => {
    if (!grip) return;
    grip.moved ||= Math.abs(event.clientX - grip.from) > 3;
    if (grip.moved) wipeTo(here(event)[0] - grip.away);
  });
  handle.addEventListener("pointerup", (event) => {
    if (grip && !grip.moved) point(event);
    grip = null;
  });

  const wipeKeys = {
    ArrowLeft: () => setWipe(state.wipe - 0.02),
    ArrowRight: () => setWipe(state.wipe + 0.02),
    b: () => setWipe(state.wipe < 0.5 ? 1 : 0),
  };
  const keysOf = (keys) => (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  };
  handle.addEventListener("keydown", keysOf({
    ...wipeKeys,
    ArrowDown: wipeKeys.ArrowLeft,
    ArrowUp: wipeKeys.ArrowRight,
    PageDown: () => setWipe(state.wipe - 0.1),
    PageUp: () => setWipe(state.wipe + 0.1),
    Home: () => setWipe(0),
    End: () => setWipe(1),
  }));

  const slide = (by) => () => moveTo({ [view.normal]: state.position[view.normal] + by });
  canvas.addEventListener("keydown", keysOf({
    ...wipeKeys,
    ArrowUp: slide(1),
    ArrowDown: slide(-1),
    PageUp: slide(10),
    PageDown: slide(-10),
    "+": () => setZoom(state.zoom * 1.25),
    "=": () => setZoom(state.zoom * 1.25),
    "-": () => setZoom(state.zoom / 1.25),
    0: () => setZoom(1),
    c: () => change({ cross: !state.cross }),
  }));
}
