/** Who signs in at a browser, for a program that runs elsewhere (RFC 8628 §3.3). */
import { createBrowser, type Page } from '../../src/tenant/client.js'

/**
 * Opens the page that a device shows, enters its code, says that it is the device's, and signs in.
 *
 * @returns the text of the last page
 */
export async function enterCode(origin: string, url: string, code: string, username: string): Promise<string> {
  const browse = createBrowser(origin)
  const submit = ({ url, text }: Page, typed: Record<string, string>) =>
    browse(
      new URL(/action="([^"]*)"/.exec(text)?.[1] || url, url).href,
      new URLSearchParams({ ...hiddenIn(text), ...typed })
    )
  const confirm = await submit(await browse(url), { user_code: code })
  const signIn = await submit(confirm, {})
  return (await submit(signIn, { username })).text
}

/** What a form sends that nobody types. */
function hiddenIn(text: string): Record<string, string> {
  const inputs = [...text.matchAll(/<input [^>]*type="hidden"[^>]*>/g)].map(([input]) => input)
  const attribute = (input: string, name: string) => new RegExp(` ${name}="([^"]*)"`).exec(input)?.[1] ?? ''
  return Object.fromEntries(inputs.map((input) => [attribute(input, 'name'), attribute(input, 'value')]))
}
