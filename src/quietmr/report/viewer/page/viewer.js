// The page: what is chosen, and the controls that change it.
import { $, press, segments, soon, text } from './dom.js'
import { autoWindow, wireWindow } from './levels.js'
import { isMap, legend, number, signed } from './maps.js'
import { Stage } from './stage.js'

const WORDS = { before: 'Before', after: 'Denoised', removed: 'Removed', noise: 'Noise map' }
const MAPS = ['removed', 'noise']

export const stage = new Stage([$('#left canvas'), $('#right canvas')])
const chosen = { scene: -1, layout: 'side', view: 'multi', part: 'after', map: 'removed', base: 'after', flipped: false }
let scenes = []
let turns = 0

// ---- what is shown -------------------------------------------------------------------------------------------------

const parts = () => Object.keys(scenes[chosen.scene]?.volumes ?? {})
const has = (part) => parts().includes(part)

// Parts of the panes, from what is chosen and what there is.
function layers () {
  const base = has('after') ? 'after' : has('before') ? 'before' : null
  if (!base) return [[parts()[0]]]
  const other = base === 'after' && has('before') ? 'before' : base
  const front = chosen.flipped ? other : base
  const maps = MAPS.filter(has)
  if (chosen.layout === 'overlay' && maps.length) return [[], [front, maps.includes(chosen.map) ? chosen.map : maps[0]]]
  if (parts().length === 1) return [[base]]
  const rights = [...(other !== base ? ['after'] : []), ...maps]
  const right = rights.includes(chosen.part) ? chosen.part : rights[0]
  if (!chosen.flipped) return [[other], [right]]
  return right === 'after' ? [['after'], ['before']] : [[base], [right]]
}

async function update () {
  const turn = ++turns
  const scene = scenes[chosen.scene]
  const shown = layers()
  const needed = shown.flat()
  if (!needed.every((part) => part in stage.images)) say(`Loading ${needed.map((part) => scene.volumes[part].name).join(' and ')} …`)
  try {
    await stage.load(scene, needed)
  } catch (error) {
    if (turn === turns) fail(error)
    return false
  }
  if (turn !== turns) return false
  say('')
  stage.idle(shown)
  arrange(shown)
  stage.setView(chosen.view)
  stage.show(shown, $('#opacity').value / 100, scene.sigma)
  return true
}

// Everything around the images.
function arrange (shown) {
  const isOverlay = shown[1]?.length === 2
  $('#left').hidden = !shown[0].length
  $('#right').hidden = !shown[1]?.length
  $('#stage').classList.toggle('single', shown.filter((pane) => pane.length).length === 1)
  const maps = MAPS.filter(has)
  const rights = [...(has('before') && has('after') ? ['after'] : []), ...maps]
  segments($('#part'), isOverlay || rights.length < 2 ? [] : rights, WORDS, shown[1]?.[0])
  segments($('#map'), isOverlay && maps.length > 1 ? maps : [], WORDS, shown[1]?.[1])
  caption($('#left'), shown[0])
  caption($('#right'), shown[1] ?? [])
  press($('#layout'), isOverlay ? 'overlay' : 'side')
  press($('#view'), chosen.view)
  $('#layout').hidden = !maps.length || !(has('before') || has('after'))
  $('#opacity-row').hidden = !isOverlay
  $('#flip').disabled = !(has('before') && has('after'))
  $('#flip').setAttribute('aria-pressed', chosen.flipped)
}

function fail (error) {
  stage.clear()
  say(`${error instanceof TypeError ? 'The viewer has ended: start quietmr view again' : error.message}.`, true)
}

function caption (pane, shown) {
  const [base, map] = shown
  const volume = scenes[chosen.scene].volumes[base]
  // the pressed button says it where there is one
  const isSaid = [...pane.querySelectorAll('.segments')].some((group) => !group.hidden) && shown.length === 1
  const names = map ? `${WORDS[base]} with ${WORDS[map].toLowerCase()}` : isSaid && base !== 'before' ? '' : WORDS[base]
  pane.querySelector('.caption').textContent = names
  const file = pane.querySelector('.file')
  file.textContent = base ? volume.name.split('/').pop() + (volume.magnitude ? ', magnitude' : '') : ''
  file.title = base ? volume.name : ''
  const part = map ?? (isMap(base) ? base : null)
  const scale = pane.querySelector('.legend')
  if (scale) legend(scale, part, part && stage.images[part], stage.factor * scenes[chosen.scene].sigma, stage.factor)
}

// ---- choosing a scan -----------------------------------------------------------------------------------------------

async function open (index) {
  const scene = scenes[index]
  chosen.scene = index
  chosen.flipped = false
  delete document.body.dataset.ready
  for (const [position, button] of [...document.querySelectorAll('#scans button')].entries()) {
    if (position === index) button.setAttribute('aria-current', 'true')
    else button.removeAttribute('aria-current')
  }
  $('#name').textContent = scene.name
  $('#facts').textContent = factsOf(scene)
  const shape = Object.values(scene.volumes)[0].shape
  if (shape.slice(0, 3).includes(1)) chosen.view = ['sagittal', 'coronal', 'axial'][shape.indexOf(1)]
  stage.clear()
  startFrames(scene)
  if (!await update()) return
  reset()
  document.body.dataset.ready = String(index)
}

function factsOf (scene) {
  const shape = Object.values(scene.volumes)[0].shape
  const size = shape.slice(0, 3).join(' × ') + (shape.length > 3 ? `, ${shape.slice(3).join(' × ')} frames` : '')
  const noise = scene.sigma ? `noise σ = ${number(scene.sigma)}` : ''
  return [size, scene.model ? `model ${scene.model}` : '', noise].filter(Boolean).join('  ·  ')
}

function say (words, failed = false) {
  $('#message').textContent = words
  $('#message').classList.toggle('failed', failed)
}

function startFrames (scene) {
  const most = Math.max(...Object.values(scene.volumes).map((volume) => volume.frames))
  $('#frame').max = most - 1
  $('#frame-row').hidden = most < 2
  showFrame(0)
}

// ---- zoom, frame, values ----------------------------------------------------------------------------------------

function reset () {
  const image = stage.images.before ?? stage.images.after
  if (image) autoWindow(stage, image)
  stage.center()
  showZoom()
}

function showZoom () {
  $('#zoom').value = 100 * stage.zoom
  $('#zoom').nextElementSibling.textContent = `${stage.zoom.toFixed(1)}×`
}

function setZoom (zoom) {
  stage.setZoom(Math.min(Math.max(zoom, 1), 6))
  showZoom()
}

function showFrame (frame) {
  $('#frame').value = frame
  $('#frame').nextElementSibling.textContent = `${Number($('#frame').value) + 1} / ${Number($('#frame').max) + 1}`
}

function setFrame (frame) {
  showFrame(frame)
  soon('frame', () => stage.setFrame(Number($('#frame').value)))
}

function readout (place) {
  const mm = place.mm
  const values = stage.valuesAt(mm)
  const there = Object.keys(WORDS).filter((part) => part in values)
  const items = there.map((part) => [`${WORDS[part].toLowerCase()} `, number(values[part])])
  items.unshift(['at ', `${[0, 1, 2].map((axis) => signed(mm[axis].toFixed(1))).join(', ')} mm`])
  $('#readout').replaceChildren(...items.map(([words, value]) => {
    const item = text('span', words)
    item.append(text('b', signed(value)))
    return item
  }))
  showZoom()
}

// ---- controls ------------------------------------------------------------------------------------------------------

function chooser (group, key) {
  $(group).addEventListener('click', (event) => {
    const value = event.target.closest('button')?.dataset.value
    if (value) choose(key, value)
  })
}

function choose (key, value) {
  chosen[key] = value
  // so that the page comes back with the same view
  if (key === 'view') history.replaceState(null, '', `#${value}`)
  update()
}

function nextPart () {
  const [group, key] = $('#map').children.length && !$('#map').hidden ? [$('#map'), 'map'] : [$('#part'), 'part']
  if (group.hidden) return
  const buttons = [...group.children]
  const now = buttons.findIndex((button) => button.ariaPressed === 'true')
  choose(key, buttons[(now + 1) % buttons.length].dataset.value)
}

const KEYS = {
  1: () => choose('view', 'multi'),
  2: () => choose('view', 'axial'),
  3: () => choose('view', 'coronal'),
  4: () => choose('view', 'sagittal'),
  5: () => choose('view', 'render'),
  o: () => choose('layout', chosen.layout === 'side' ? 'overlay' : 'side'),
  m: nextPart,
  f: () => { if (!$('#flip').disabled) choose('flipped', !chosen.flipped) },
  j: () => open((chosen.scene + 1) % scenes.length),
  k: () => open((chosen.scene + scenes.length - 1) % scenes.length),
  ArrowLeft: () => stage.move(chosen.view, -1, 0, 0),
  ArrowRight: () => stage.move(chosen.view, 1, 0, 0),
  ArrowUp: () => stage.move(chosen.view, 0, 1, 0),
  ArrowDown: () => stage.move(chosen.view, 0, -1, 0),
  PageUp: () => stage.move(chosen.view, 0, 0, 1),
  PageDown: () => stage.move(chosen.view, 0, 0, -1),
  ',': () => setFrame(Number($('#frame').value) - 1),
  '.': () => setFrame(Number($('#frame').value) + 1),
  '+': () => setZoom(stage.zoom * 1.25),
  '=': () => setZoom(stage.zoom * 1.25),
  '-': () => setZoom(stage.zoom / 1.25),
  v: () => $('#voxels').click(),
  r: reset,
  '?': () => $('#help').showModal()
}

function onKey (event) {
  // NiiVue's own keys would move one side alone
  if (event.target.matches('canvas')) event.stopPropagation()
  if (event.ctrlKey || event.metaKey || event.altKey || $('#help').open) return
  const isText = event.target.matches('input[type="search"]')
  const isSlider = event.target.matches('input[type="range"]') && /^(Arrow|Page)/.test(event.key)
  const work = KEYS[event.key] ?? KEYS[event.key.toLowerCase()]
  if (isText || isSlider || !work) return
  event.preventDefault()
  work()
}

function onWheel (event) {
  if (!event.ctrlKey) return
  event.preventDefault()
  event.stopImmediatePropagation()
  setZoom(stage.zoom * (event.deltaY < 0 ? 1.1 : 1 / 1.1))
}

function listScenes () {
  $('#scans').replaceChildren(...scenes.map((scene, index) => {
    const item = document.createElement('li')
    const button = text('button', scene.name)
    button.type = 'button'
    button.append(text('small', Object.keys(scene.volumes).map((part) => WORDS[part].toLowerCase()).join(', ')))
    button.addEventListener('click', () => open(index))
    item.append(button)
    return item
  }))
  $('#filter').hidden = scenes.length < 12
  $('#filter').addEventListener('input', () => {
    const wanted = $('#filter').value.toLowerCase()
    for (const item of $('#scans').children) item.hidden = !item.textContent.toLowerCase().includes(wanted)
  })
}

function listNotes (notes) {
  $('#notes').hidden = !notes.length
  $('#notes summary').textContent = notes.length === 1 ? '1 remark' : `${notes.length} remarks`
  $('#notes ul').replaceChildren(...notes.map((note) => text('li', note)))
}

function wire () {
  chooser('#layout', 'layout')
  chooser('#view', 'view')
  chooser('#part', 'part')
  chooser('#map', 'map')
  wireWindow(stage)
  $('#zoom').addEventListener('input', () => setZoom($('#zoom').value / 100))
  $('#frame').addEventListener('input', () => setFrame($('#frame').value))
  $('#opacity').addEventListener('input', () => {
    $('#opacity').nextElementSibling.textContent = `${$('#opacity').value} %`
    soon('opacity', () => stage.setOpacity($('#opacity').value / 100))
  })
  $('#opacity').dispatchEvent(new Event('input'))
  $('#flip').addEventListener('click', KEYS.f)
  $('#reset').addEventListener('click', reset)
  $('#keys').addEventListener('click', KEYS['?'])
  $('#voxels').addEventListener('click', () => {
    const isNearest = $('#voxels').ariaPressed !== 'true'
    $('#voxels').setAttribute('aria-pressed', isNearest)
    stage.setNearest(isNearest)
  })
  for (const canvas of stage.canvases) {
    canvas.parentElement.addEventListener('wheel', onWheel, { capture: true, passive: false })
  }
  document.addEventListener('keydown', onKey, { capture: true })
}

async function start () {
  if (!document.createElement('canvas').getContext('webgl2')) {
    say('This browser has no WebGL2, which the viewer draws with: use a current Firefox, Chrome, Edge or Safari.', true)
    return
  }
  const listed = await (await fetch('scenes.json')).json()
  scenes = listed.scenes
  $('#title').textContent = listed.title
  document.title = listed.title ? `${listed.title} – quietmr view` : 'quietmr view'
  listScenes()
  listNotes(listed.notes)
  document.body.classList.toggle('one', scenes.length === 1 && !listed.notes.length)
  await stage.attach()
  stage.onMove = readout
  wire()
  const view = location.hash.slice(1)
  if (document.querySelector(`#view [data-value="${CSS.escape(view)}"]`)) chosen.view = view
  await open(0)
}

start().catch((error) => say(`The viewer cannot start: ${error.message}.`, true))
