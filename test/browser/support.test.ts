/** The browser that other tests use: what a page does wrong is seen. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { browserOf, complaintsOf, noChromium, seriousFindings } from '../support/browser.js'

const openPage = browserOf(t)

/** Serves one page under a policy that allows scripts from itself only. */
async function serve(body: string): Promise<string> {
  const server = createServer(({ url }, response) => {
    const isScript = url === '/script.js'
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html; charset=utf-8')
    response.setHeader('content-security-policy', "default-src 'none'; script-src 'self'; img-src data:")
    response.end(isScript ? "console.error('logged'); throw new Error('thrown')" : body)
  })
  t.teardown(() => server.close())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

t.test('errors, exceptions and what the policy forbids are complaints', { skip: noChromium }, async (t) => {
  const page = await openPage(t, { expected: [/./] })
  const complaints = complaintsOf(page.context())
  const icon = '<link rel="icon" href="data:,">'
  await page.goto(
    await serve(`${icon}<script src="script.js"></script><script>1</script><img src="https://else.example/x.png">`)
  )
  t.equal(complaints.length, 4)
  for (const what of [
    /^logged/,
    /^Error: thrown/,
    /inline script.* Content Security Policy/,
    /image.* Content Security Policy/
  ])
    t.ok(
      complaints.some((text) => what.test(text)),
      String(what)
    )
})

t.test('a complaint fails the test, unless it was expected', { skip: noChromium }, async (t) => {
  const rows: [expected: RegExp[], fails: boolean][] = [
    [[], true],
    [[/^logged/], true],
    [[/^logged/, /thrown$/], false]
  ]
  for (const [expected, fails] of rows) {
    const ends: (() => unknown)[] = []
    const page = await openPage({ teardown: (end) => ends.push(end) }, { expected })
    await page.goto(await serve('<link rel="icon" href="data:,"><script src="script.js"></script>'))
    const outcome = await Promise.all(ends.map((end) => end())).catch(String)
    t.equal(/^Error: the browser complained:\n.*thrown/s.test(String(outcome)), fails, String(expected))
  }
})

t.test('a page without faults has none', { skip: noChromium }, async (t) => {
  const page = await openPage(t)
  await page.goto(
    await serve(
      '<!doctype html><html lang="en"><title>x</title><link rel="icon" href="data:,"><main><h1>x</h1></main></html>'
    )
  )
  t.same(await seriousFindings(page), [])
})

t.test('what people cannot use is a finding', { skip: noChromium }, async (t) => {
  const page = await openPage(t)
  await page.goto(
    await serve(
      '<!doctype html><html lang="en"><title>x</title><link rel="icon" href="data:,"><button></button></html>'
    )
  )
  t.match(await seriousFindings(page), [/^button-name: <button>/])
})
