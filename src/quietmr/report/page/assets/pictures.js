// One view: a slice on a canvas with wipe, crosshair, letters of the patient's sides and a scale bar.
class View {
  constructor(element, index) {
    this.element = element;
    this.index = index;
    this.about = page.views[index];
    this.normal = AXES[this.about.normal + 1];
    this.row = AXES[this.about.row + 1];
    this.column = AXES[this.about.column + 1];
    this.canvas = element.querySelector("canvas");
    this.handle = element.querySelector(".wipe");
    this.slider = element.querySelector(".slice");
    new ResizeObserver(() => this.draw()).observe(this.canvas);
  }

  // Screen pixels per column and row, and where the first one starts.
  layout() {
    const [rowSize, columnSize] = this.about.size;
    const rows = lengthOf(this.row);
    const columns = lengthOf(this.column);
    const { clientWidth: w, clientHeight: h } = this.canvas;
    const scale = state.zoom * Math.min(w / (columns * columnSize), h / (rows * rowSize));
    const dx = scale * columnSize;
    const dy = scale * rowSize;
    const centre = state.zoom === 1 ? { [this.row]: (rows - 1) / 2, [this.column]: (columns - 1) / 2 } : state.centre;
    return {
      w, h, rows, columns, dx, dy, scale,
      left: w / 2 - (this.columnAt(centre[this.column]) + 0.5) * dx,
      top: h / 2 - (this.rowAt(centre[this.row]) + 0.5) * dy,
    };
  }

  columnAt(voxel) {
    return this.about.flipColumns ? lengthOf(this.column) - 1 - voxel : voxel;
  }

  rowAt(voxel) {
    return this.about.flipRows ? lengthOf(this.row) - 1 - voxel : voxel;
  }

  // Voxel under a place on the canvas.
  placeAt(x, y) {
    const { left, top, dx, dy } = this.layout();
    return { [this.column]: this.columnAt((x - left) / dx - 0.5), [this.row]: this.rowAt((y - top) / dy - 0.5) };
  }

  // Left and right end of the part of the picture that is on the canvas: the way of the wipe.
  wipeWay() {
    const { w, left, columns, dx } = this.layout();
    return [Math.max(0, left), Math.min(w, left + columns * dx)];
  }

  draw() {
    const ratio = window.devicePixelRatio || 1;
    const size = this.layout();
    if (!size.w || !size.h || !volumes.after) return;
    this.canvas.width = Math.round(size.w * ratio);
    this.canvas.height = Math.round(size.h * ratio);
    const context = this.canvas.getContext("2d");
    context.scale(ratio, ratio);
    // Far in, the voxels themselves are shown.
    context.imageSmoothingEnabled = state.zoom < 4;
    context.imageSmoothingQuality = "high";
    const place = [size.left, size.top, size.columns * size.dx, size.rows * size.dy];
    const compare = state.layer === "compare";
    context.drawImage(pictureOf(this.index, compare ? "after" : state.layer), ...place);
    if (compare) this.drawBefore(context, size, place);
    if (state.cross) this.drawCross(context, size);
    this.drawMarks(context, size);
  }

  drawBefore(context, size, place) {
    const [start, end] = this.wipeWay();
    const x = start + state.wipe * (end - start);
    context.save();
    context.beginPath();
    context.rect(0, 0, x, size.h);
    context.clip();
    context.drawImage(pictureOf(this.index, "before"), ...place);
    context.restore();
    if (this.element.classList.contains("main")) this.handle.style.left = `${x}px`;
    else {
      context.fillStyle = "rgb(255 255 255 / 0.7)";
      context.fillRect(x - 0.5, Math.max(0, size.top), 1, Math.min(size.h, size.rows * size.dy));
    }
  }

  drawCross(context, { w, h, left, top, dx, dy }) {
    const x = Math.round(left + (this.columnAt(state.position[this.column]) + 0.5) * dx) + 0.5;
    const y = Math.round(top + (this.rowAt(state.position[this.row]) + 0.5) * dy) + 0.5;
    const gap = 9;
    context.strokeStyle = "rgb(242 179 61 / 0.5)";
    context.lineWidth = 1;
    context.beginPath();
    for (const [x0, y0, x1, y1] of [[0, y, x - gap, y], [x + gap, y, w, y], [x, 0, x, y - gap], [x, y + gap, x, h]]) {
      context.moveTo(x0, y0);
      context.lineTo(x1, y1);
    }
    context.stroke();
  }

  drawMarks(context, { w, h, scale }) {
    context.fillStyle = "#d5d9de";
    context.font = "600 12px system-ui, sans-serif";
    context.shadowColor = "#000";
    context.shadowBlur = 3;
    if (this.about.letters) {
      const [atLeft, atRight, atTop, atBottom] = this.about.letters;
      context.textAlign = "center";
      context.textBaseline = "middle";
      context.fillText(atLeft, 12, h / 2 + 26);
      context.fillText(atRight, w - 12, h / 2 + 26);
      context.fillText(atTop, w / 2 + 20, 12);
      context.fillText(atBottom, w / 2 + 20, h - 12);
    }
    if (page.millimetres) this.drawScaleBar(context, h, scale);
  }

  drawScaleBar(context, h, scale) {
    const most = 0.22 * this.canvas.clientWidth;
    const length = [100, 50, 20, 10, 5, 2, 1].find((mm) => mm * scale <= most);
    if (!length) return;
    context.fillRect(14, h - 15, length * scale, 2);
    context.font = "500 11px system-ui, sans-serif";
    context.textAlign = "left";
    context.textBaseline = "alphabetic";
    context.fillText(`${length} mm`, 14, h - 21);
  }
}
