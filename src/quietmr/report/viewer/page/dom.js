// Small pieces of the page.
export const $ = (selector) => document.querySelector(selector)

// Buttons of which one is pressed.
export function segments (group, values, words, current) {
  group.hidden = !values.length
  if (values.join() !== [...group.children].map((button) => button.dataset.value).join()) {
    group.replaceChildren(...values.map((value) => {
      const button = text('button', words[value])
      button.type = 'button'
      button.dataset.value = value
      return button
    }))
  }
  press(group, current)
}

export function press (group, value) {
  for (const button of group.children) button.setAttribute('aria-pressed', button.dataset.value === value)
}

export function text (tag, words) {
  const element = document.createElement(tag)
  element.textContent = words
  return element
}

// Does something at the next picture of the screen, once, however often it is asked for.
const waiting = new Map()
export function soon (name, work) {
  if (!waiting.size) {
    requestAnimationFrame(() => {
      const works = [...waiting.values()]
      waiting.clear()
      for (const each of works) each()
    })
  }
  waiting.set(name, work)
}
