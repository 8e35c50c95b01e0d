// Black and white: one grey scale for both sides, found on the image before, changed by sliders and the right button.
import { $, soon } from './dom.js'
import { number, signed, window } from './maps.js'

let levels = { low: 0, high: 1, auto: [0, 1] }

export function autoWindow (stage, image) {
  const auto = window(image)
  levels = { low: Math.min(image.global_min, auto[0]), high: Math.max(image.global_max, auto[1]), auto }
  setWindow(stage, ...auto)
}

export function wireWindow (stage) {
  for (const slider of ['#level', '#width']) $(slider).addEventListener('input', () => slide(stage))
  for (const canvas of stage.canvases) canvas.addEventListener('pointerdown', (event) => pullWindow(stage, event))
}

function setWindow (stage, low, high) {
  const span = levels.high - levels.low
  const width = Math.min(Math.max(high - low, span / 1000), 2 * span)
  const level = Math.min(Math.max((low + high) / 2, levels.low), levels.high)
  $('#level').value = 1000 * (level - levels.low) / span
  $('#width').value = 1000 * width / span
  $('#level').nextElementSibling.textContent = signed(number(level / stage.factor))
  $('#width').nextElementSibling.textContent = number(width / stage.factor)
  levels.now = [level - width / 2, level + width / 2]
  soon('window', () => stage.setWindow(...levels.now))
}

function slide (stage) {
  const span = levels.high - levels.low
  const [level, width] = [levels.low + $('#level').value / 1000 * span, $('#width').value / 1000 * span]
  setWindow(stage, level - width / 2, level + width / 2)
}

// The right button changes level (up and down) and window (left and right) of both sides.
function pullWindow (stage, event) {
  if (event.button !== 2 || !levels.now) return
  const canvas = event.currentTarget
  const [x, y] = [event.clientX, event.clientY]
  const [low, high] = levels.now
  const scale = (levels.auto[1] - levels.auto[0]) / canvas.clientHeight
  const pull = (move) => {
    const level = (low + high) / 2 + (move.clientY - y) * scale
    const width = Math.max(high - low + (move.clientX - x) * scale, 0)
    setWindow(stage, level - width / 2, level + width / 2)
  }
  canvas.setPointerCapture(event.pointerId)
  canvas.addEventListener('pointermove', pull)
  canvas.addEventListener('pointerup', () => canvas.removeEventListener('pointermove', pull), { once: true })
}
