// Two NiiVue canvases that move together, and what they show.
import { DRAG_MODE, MULTIPLANAR_TYPE, NVImage, Niivue, SHOW_RENDER, SLICE_TYPE } from './niivue.js'
import { COLORMAPS, dress, enlarge, factorFor, isMap } from './maps.js'

const VIEWS = {
  multi: SLICE_TYPE.MULTIPLANAR,
  axial: SLICE_TYPE.AXIAL,
  coronal: SLICE_TYPE.CORONAL,
  sagittal: SLICE_TYPE.SAGITTAL,
  render: SLICE_TYPE.RENDER
}
// Axis that changes from slice to slice, and those that the arrow keys follow, in voxels of the patient's axes.
const AXES = { multi: [0, 1, 2], axial: [0, 1, 2], coronal: [0, 2, 1], sagittal: [1, 2, 0] }

const OPTIONS = {
  logLevel: 'error',
  backColor: [0, 0, 0, 1],
  crosshairColor: [0.949, 0.702, 0.239, 0.7],
  crosshairWidth: 0.5,
  crosshairWidthUnit: 'percent',
  crosshairGap: 6,
  isCornerOrientationText: true,
  fontColor: [0.6, 0.63, 0.66, 1],
  fontMinPx: 12,
  loadingText: '',
  isRadiologicalConvention: true,
  multiplanarLayout: MULTIPLANAR_TYPE.AUTO,
  multiplanarShowRender: SHOW_RENDER.AUTO,
  multiplanarPadPixels: 4,
  dragAndDropEnabled: false,
  viewModeHotKey: '',
  clipPlaneHotKey: '',
  cycleClipPlaneHotKey: '',
  dragMode: DRAG_MODE.none,
  touchEventConfig: { singleTouch: DRAG_MODE.crosshair, doubleTouch: DRAG_MODE.pan },
  mouseEventConfig: {
    leftButton: { primary: DRAG_MODE.crosshair, withShift: DRAG_MODE.pan, withCtrl: DRAG_MODE.crosshair },
    rightButton: DRAG_MODE.none,
    centerButton: DRAG_MODE.pan
  }
}

const LEAST = 64 // pixels; NiiVue leaves margins, and WebGL complains where they leave nothing

// A canvas that draws only where there is room: a side that is hidden has none.
class Pane extends Niivue {
  drawScene () {
    const { width, height, clientWidth } = this.canvas
    return clientWidth && Math.min(width, height) >= LEAST ? super.drawScene() : ''
  }
}

export class Stage {
  constructor (canvases) {
    this.canvases = canvases
    this.panes = []
    this.images = {}
    this.window = [0, 1]
    this.factor = 1 // of the values that NiiVue sees
    this.onMove = () => {}
  }

  async attach () {
    for (const canvas of this.canvases) {
      const pane = new Pane(OPTIONS)
      await pane.attachToCanvas(canvas)
      for (const [name, colors] of Object.entries(COLORMAPS)) pane.addColormap(name, colors)
      pane.onLocationChange = (place) => this.onMove(place)
      // NiiVue tells the other canvas of a move only from the one that has the focus
      for (const kind of ['pointerdown', 'wheel']) {
        canvas.addEventListener(kind, () => canvas.focus({ preventScroll: true }), { capture: true, passive: true })
      }
      this.panes.push(pane)
    }
    const [left, right] = this.panes
    left.broadcastTo(right, { '2d': true, '3d': true })
    right.broadcastTo(left, { '2d': true, '3d': true })
  }

  // Reads those volumes of a scene that are needed and not there yet; throws where one cannot be read.
  async load (scene, parts) {
    const images = this.images
    const missing = parts.filter((part) => !images[part])
    const isFirst = missing.length && !Object.keys(images).length
    const read = await Promise.all(missing.map(async (part) => {
      const volume = scene.volumes[part]
      const response = await fetch(volume.url)
      if (!response.ok) throw new Error(`${volume.name} is no longer there: start quietmr view again`)
      const bytes = await response.arrayBuffer()
      try {
        return await NVImage.loadFromUrl({ url: bytes, name: volume.url.split('/').pop(), trustCalMinMax: false })
      } catch (error) {
        throw new Error(`${volume.name} is damaged, cut off, or of a type that the browser cannot draw`, { cause: error })
      }
    }))
    if (images !== this.images) return
    if (isFirst) this.factor = factorFor(read[0])
    missing.forEach((part, index) => {
      if (images[part]) return
      enlarge(read[index], this.factor)
      images[part] = read[index]
    })
  }

  // Forgets the images of a scene.
  clear () {
    this.idle([])
    this.images = {}
  }

  // Empties the panes that are to show nothing, while they still have a size.
  idle (layers) {
    this.panes.forEach((pane, index) => { if (!layers[index]?.length) empty(pane) })
  }

  // Shows layers, one list of parts for each pane: [['before'], ['after', 'removed']].
  show (layers, opacity, sigma) {
    const hasMap = layers.some((parts) => isMap(parts[0]))
    const leader = this.busy.length ? this.active : null
    this.panes.forEach((pane, index) => {
      const parts = layers[index] ?? []
      if (!parts.length) return
      fit(pane)
      // a map that stands alone fills its box, which says nothing in 3-D
      pane.opts.multiplanarShowRender = hasMap ? SHOW_RENDER.NEVER : SHOW_RENDER.AUTO
      const images = parts.map((part) => this.images[part])
      const shown = pane.volumes
      if (images.length === shown.length && images.every((image, depth) => image === shown[depth])) {
        pane.drawScene()
        return
      }
      empty(pane)
      images.forEach((image, depth) => {
        image.opacity = depth ? opacity : 1
        if (!isMap(parts[depth])) this.#level(image)
        dress(image, parts[depth], depth > 0, sigma * this.factor)
        pane.addVolume(image)
      })
      if (leader && leader !== pane) follow(leader, pane)
    })
  }

  // Panes that show something; the canvas of the others may have no size.
  get busy () { return this.panes.filter((pane) => pane.volumes.length) }

  draw () {
    for (const pane of this.busy) pane.updateGLVolume()
  }

  // Sets black and white of all images that are no maps.
  setWindow (low, high) {
    this.window = [low, high]
    for (const [part, image] of Object.entries(this.images)) if (!isMap(part)) this.#level(image)
    this.draw()
  }

  #level (image) {
    [image.cal_min, image.cal_max] = this.window
  }

  setOpacity (opacity) {
    for (const pane of this.busy) {
      for (const image of pane.volumes.slice(1)) image.opacity = opacity
    }
    this.draw()
  }

  setView (view) {
    for (const pane of this.panes) {
      if (pane.opts.sliceType === VIEWS[view]) continue
      pane.opts.sliceType = VIEWS[view]
      // percent of the image: about a pixel; draws
      pane.setCrosshairWidth(view === 'multi' ? 0.5 : 0.25)
    }
  }

  setFrame (frame) {
    for (const image of Object.values(this.images)) {
      if (image.nFrame4D > 1) image.frame4D = Math.min(frame, image.nFrame4D - 1)
    }
    this.draw()
    this.active.createOnLocationChange()
  }

  setNearest (isNearest) {
    for (const pane of this.panes) pane.opts.isNearestInterpolation = isNearest
    for (const pane of this.busy) pane.setInterpolation(isNearest)
  }

  // Zooms about the crosshair, in the planes and in 3-D.
  setZoom (zoom) {
    const [x, y, z, old] = this.active.scene.pan2Dxyzmm
    const mm = this.active.frac2mm(this.active.scene.crosshairPos)
    const shift = old - zoom
    for (const pane of this.busy) {
      pane.scene.volScaleMultiplier = zoom
      pane.setPan2Dxyzmm([x + shift * mm[0], y + shift * mm[1], z + shift * mm[2], zoom])
    }
  }

  get zoom () { return this.active.scene.pan2Dxyzmm[3] }

  // The pane that leads: the last one touched, if it shows anything.
  get active () {
    const touched = this.panes.find((pane) => pane.canvas === document.activeElement && pane.volumes.length)
    return touched ?? this.busy[0] ?? this.panes[0]
  }

  center () {
    for (const pane of this.busy) {
      pane.scene.crosshairPos = [0.5, 0.5, 0.5]
      pane.scene.volScaleMultiplier = 1
      pane.setPan2Dxyzmm([0, 0, 0, 1])
      pane.setRenderAzimuthElevation(110, 10)
    }
    this.active.createOnLocationChange()
  }

  move (view, right, up, deep) {
    if (view === 'render') {
      const { renderAzimuth, renderElevation } = this.active.scene
      for (const pane of this.busy) pane.setRenderAzimuthElevation(renderAzimuth - 5 * right, renderElevation - 5 * up)
      return
    }
    const step = [0, 0, 0]
    const [across, along, through] = AXES[view]
    // radiological: the patient's left is on the right
    step[across] = across === 0 ? -right : right
    step[along] = up
    step[through] = deep
    for (const pane of this.busy) pane.moveCrosshairInVox(...step)
  }

  // Value of every image that is loaded at a place in mm.
  valuesAt (mm) {
    return Object.fromEntries(Object.entries(this.images).map(([part, image]) => {
      const [x, y, z] = image.mm2vox(mm)
      return [part, image.getValue(x, y, z, image.frame4D) / this.factor]
    }))
  }
}

// Gives a canvas the size of its place, which may have changed.
function fit (pane) {
  const { clientWidth, clientHeight, width, height } = pane.canvas
  const isSame = (size, pixels) => Math.abs(size * devicePixelRatio - pixels) < 2
  if (!isSame(clientWidth, width) || !isSame(clientHeight, height)) pane.resizeListener()
}

function empty (pane) {
  for (const image of [...pane.volumes].reverse()) pane.removeVolume(image)
}

// Brings a pane that was idle to where the other one is.
function follow (leader, pane) {
  const { pan2Dxyzmm, volScaleMultiplier, renderAzimuth, renderElevation, crosshairPos } = leader.scene
  const scene = pane.scene
  scene.crosshairPos = pane.mm2frac(leader.frac2mm(crosshairPos))
  Object.assign(scene, { pan2Dxyzmm: [...pan2Dxyzmm], volScaleMultiplier, renderAzimuth, renderElevation })
  pane.drawScene()
}
