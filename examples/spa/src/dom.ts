/** Creates elements without markup in strings: content from the API is always text. */

type Child = Node | string | false | null | undefined

/** Makes an element with attributes and children; `false` and what is missing are left out. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Readonly<Record<string, string | false | undefined>> = {},
  ...children: readonly (Child | readonly Child[])[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false && value !== undefined) element.setAttribute(name, value)
  }
  element.append(...children.flat().filter((child) => child instanceof Node || typeof child === 'string'))
  return element
}

/** Text that may break after its punctuation, as long identifiers and addresses have to on a phone. */
export function breakable(text: string): readonly (Node | string)[] {
  return text.split(/(?<=[/@_-])/).flatMap((part, index) => (index === 0 ? [part] : [h('wbr'), part]))
}

/** An identifier or an address. */
export function code(text: string): HTMLElement {
  return h('code', {}, breakable(text))
}

/** A button that runs something. */
export function button(label: string, attributes: Record<string, string>, onClick: () => void): HTMLButtonElement {
  const element = h('button', { type: 'button', ...attributes }, label)
  element.addEventListener('click', onClick)
  return element
}

/** Names and values; those without a value are left out. */
export function facts(entries: readonly (readonly [string, Child])[]): HTMLElement {
  return h(
    'dl',
    { class: 'facts' },
    entries.filter(([, value]) => value).map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value)))
  )
}

/** Short words side by side, or a text if there are none. */
export function chips(words: readonly string[], none: string): HTMLElement {
  if (words.length === 0) return h('span', { class: 'quiet' }, none)
  return h(
    'ul',
    { class: 'chips' },
    words.map((word) => h('li', {}, word))
  )
}
