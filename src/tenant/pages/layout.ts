/** The frame of every page of the tenant. Text is escaped where it is put into a page; no page has a script. */
import { createHash } from 'node:crypto'
import { style } from './style.js'

export const HTML = 'text/html; charset=utf-8'

/**
 * Headers of every page. The style is known by its hash. There is no `form-action`: browsers apply it to redirects as well, and a sign-in ends
 * at the application, on any origin on loopback.
 */
export const pageHeaders = {
  'content-type': HTML,
  'cache-control': 'no-store',
  'content-security-policy': [
    "default-src 'none'",
    `style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`,
    'img-src data:', // an empty icon, or the browser would ask for /favicon.ico
    ...["base-uri 'none'", "frame-ancestors 'none'"]
  ].join('; '),
  'referrer-policy': 'same-origin',
  'x-content-type-options': 'nosniff'
} as const

/** A value as text of an element or an attribute (HTML §13.1.2). */
export function escaped(value: string): string {
  return value.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}

/** A page. `title` is text, `body` is HTML. */
export function page(title: string, body: string, width: 'narrow' | 'wide' = 'narrow'): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)} – embedded tenant</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
<header class="note"><strong>Embedded development tenant – never for production.</strong> Anyone can sign in as anyone.</header>
<main class="${width}">
<h1>${escaped(title)}</h1>
${body}
</main>
</body>
</html>
`
}

/** A list of items, which are HTML. */
export function list(items: readonly string[], name: string): string {
  return `<ul class="${name}">\n${items.map((item) => `<li>${item}</li>`).join('\n')}\n</ul>`
}

/** Whether a browser that navigates sent the request: programs accept JSON. */
export function acceptsPage(accept: string | undefined): boolean {
  return String(accept).includes('text/html')
}
