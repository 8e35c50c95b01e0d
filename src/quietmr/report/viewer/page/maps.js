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

// Gives a map its colours, standing alone or lying on an image; other images are grey, as they come.
export function dress (image, part, isOnTop, sigma) {
  if (!isMap(part)) return
  const limit = limitOf(part, image, sigma)
  const isSigned = part === 'removed'
  const isClear = isSigned && isOnTop
  // NiiVue finds a scale of its own with every change of colours, so ours comes after
  const colors = isClear ? 'quietmr-plus' : isSigned ? 'quietmr-signed' : 'viridis'
  if (image.colormap !== colors) image.colormap = colors
  image.colormapNegative = isClear ? 'quietmr-minus' : ''
  image.colormapType = isClear ? TRANSLUCENT_BELOW_MIN : 0
  image.cal_max = limit
  image.cal_min = isClear ? limit / SIGMAS : isSigned ? -limit : 0
  image.cal_minNeg = isClear ? -limit : NaN
  image.cal_maxNeg = isClear ? -limit / SIGMAS : NaN
}

// Black and white of an image, by the rule of the figure of the command line: black is 0 (or the lowest values), white
// the 98th percentile of what is brighter than a tenth of the brightest.
export function window (image) {
  const { scl_slope: slope, scl_inter: inter } = image.hdr
  const n = image.img.length / image.nFrame4D
  const step = Math.ceil(n / 200_000)
  const values = []
  for (let i = 0; i < n; i += step) {
    const value = image.img[i] * slope + inter
    if (Number.isFinite(value)) values.push(value)
  }
  values.sort((one, other) => one - other)
  const at = (list, part) => list[Math.round(part * (list.length - 1))]
  const bright = values.filter((value) => value > 0.1 * at(values, 0.999))
  const [black, white] = [Math.min(0, at(values, 0.005)), bright.length ? at(bright, 0.98) : at(values, 1)]
  return white > black ? [black, white] : [image.global_min - 0.5, image.global_max + 0.5]
}

function limitOf (part, image, sigma) {
  if (part === 'noise') return image.global_max > 0 ? image.global_max : 1
  const robust = Math.max(Math.abs(image.robust_min), Math.abs(image.robust_max))
  return (sigma ? SIGMAS * sigma : robust) || Math.max(Math.abs(image.global_min), Math.abs(image.global_max)) || 1
}

// NiiVue cannot tell values apart that differ by less than 1e-5: what an image must be multiplied with to be seen.
export function factorFor (image) {
  const span = image.global_max - image.global_min
  return span > 0 && span < 1 ? 10 ** Math.ceil(-Math.log10(span)) : 1
}

// Multiplies all values of an image, without touching them.
export function enlarge (image, factor) {
  if (factor === 1) return
  for (const field of ['scl_slope', 'scl_inter']) image.hdr[field] *= factor
  for (const field of ['cal_min', 'cal_max', 'robust_min', 'robust_max', 'global_min', 'global_max']) image[field] *= factor
}

export function number (value) {
  if (!Number.isFinite(value)) return '–'
  const size = Math.abs(value)
  if (size !== 0 && (size >= 1e5 || size < 1e-3)) return value.toExponential(1)
  return String(Number(value.toPrecision(3)))
}

export const signed = (words) => words.replace(/^-/, '−')

export function legend (element, part, image, sigma, factor) {
  element.hidden = !image
  if (!image) return
  const limit = number(limitOf(part, image, sigma) / factor)
  element.querySelector('i').className = part === 'noise' ? 'level' : 'signed'
  element.querySelector('.low').textContent = part === 'noise' ? '0' : `−${limit}`
  element.querySelector('.high').textContent = part === 'noise' ? limit : `+${limit}`
  element.title = part === 'removed' && sigma ? `${SIGMAS} times the noise level` : ''
}
