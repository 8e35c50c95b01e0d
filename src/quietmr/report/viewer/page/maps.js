// How images and maps are coloured. What was removed is blue below 0 and amber above, on one scale: black at 0 where it
// stands alone, clear at 0 where it lies on an image. The noise map runs from 0 up.
const BLUE = [[61, 139, 255], [213, 232, 255]]
const AMBER = [[242, 179, 61], [255, 241, 210]]
const BLACK = [0, 0, 0]
const SIGMAS = 3 // limit of the scale, as in the figure of the command line
const TRANSLUCENT_BELOW_MIN = 2 // NiiVue: opacity grows with the square of the value up to cal_min

const channels = (places, colors, alpha) => ({
  I: places,
  R: colors.map((color) => color[0]),
  G: colors.map((color) => color[1]),
  B: colors.map((color) => color[2]),
  A: alpha
})
const rising = (colors) => channels([0, 1, 170, 255], [colors[0], colors[0], colors[0], colors[1]], [0, 255, 255, 255])

export const COLORMAPS = {
  'quietmr-signed': channels(
    [0, 77, 128, 179, 255],
    [BLUE[1], BLUE[0], BLACK, AMBER[0], AMBER[1]],
    [255, 255, 255, 255, 255]
  ),
  'quietmr-plus': rising(AMBER),
  'quietmr-minus': rising(BLUE)
}

export const isMap = (part) => part === 'removed' || part === 'noise'

// Gives a map its colours, standing alone or lying on an image; other images are grey.
export function dress (image, part, isOnTop, sigma) {
  if (!isMap(part)) {
    image.colormap = 'gray'
    return
  }
  const limit = limitOf(part, image, sigma)
  const isSigned = part === 'removed'
  const isClear = isSigned && isOnTop
  image.colormap = isClear ? 'quietmr-plus' : isSigned ? 'quietmr-signed' : 'viridis'
  image.colormapNegative = isClear ? 'quietmr-minus' : ''
  image.colormapType = isClear ? TRANSLUCENT_BELOW_MIN : 0
  image.cal_max = limit
  image.cal_min = isClear ? limit / SIGMAS : isSigned ? -limit : 0
  image.cal_minNeg = isClear ? -limit : NaN
  image.cal_maxNeg = isClear ? -limit / SIGMAS : NaN
}

function limitOf (part, image, sigma) {
  if (part === 'noise') return image.global_max > 0 ? image.global_max : 1
  const robust = Math.max(Math.abs(image.robust_min), Math.abs(image.robust_max))
  return (sigma ? SIGMAS * sigma : robust) || Math.max(Math.abs(image.global_min), Math.abs(image.global_max)) || 1
}

export function number (value) {
  if (!Number.isFinite(value)) return '–'
  const size = Math.abs(value)
  if (size !== 0 && (size >= 1e5 || size < 1e-3)) return value.toExponential(1)
  return String(Number(value.toPrecision(3)))
}

export const signed = (words) => words.replace(/^-/, '−')

export function legend (element, part, image, sigma) {
  element.hidden = !image
  if (!image) return
  const limit = number(limitOf(part, image, sigma))
  element.querySelector('i').className = part === 'noise' ? 'level' : 'signed'
  element.querySelector('.low').textContent = part === 'noise' ? '0' : `−${limit}`
  element.querySelector('.high').textContent = part === 'noise' ? limit : `+${limit}`
  element.title = part === 'removed' && sigma ? `${SIGMAS} times the noise level` : ''
}
