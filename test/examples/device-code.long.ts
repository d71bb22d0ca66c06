/** examples/device-code as a process; a user signs in for it at the embedded tenant's pages. */
import t, { type Test } from 'tap'
import { runExample, settingsOf, startWorld, until, type World } from './support.js'

function runTerminal(t: Test, world: World, env: Record<string, string> = {}) {
  const { AZURE_CLIENT_SECRET: _, ...settings } = settingsOf(world, 'terminal')
  const scope = { API_SCOPE: settings.API_SCOPE.replace('.default', 'access_as_user') }
  return runExample(t, 'device-code', { ...settings, ...scope, NODE_EXTRA_CA_CERTS: world.caFile, ...env })
}

t.test('it shows an address and a code, waits for its user, and says who that is', async (t) => {
  const world = await startWorld(t)
  const terminal = runTerminal(t, world)
  const shown = /open (https:\S+) in a browser and enter the code (\S+)\.\n/
  await until(() => shown.test(terminal.output.out))
  const [, page = '', code = ''] = shown.exec(terminal.output.out) ?? []
  t.equal(world.answered.length, 0, 'nothing is asked of the API before')
  const last = await world.tell({ what: 'sign in', page, code, username: 'user@contoso.example' })
  t.match(last, /You signed in on your device/)
  const { code: exit, out, err } = await terminal.ended()
  t.same([exit, err], [0, ''])
  t.match(out, /\nSigned in as Contoso User \(user@contoso\.example\)\.\n$/)
  t.match(world.answered, [{ path: '/me', status: 200 }])
})

t.test('what goes wrong is said in one line', async (t) => {
  const world = await startWorld(t, { ENTRA_AUDIENCE: 'api://another' })
  const unset = await runTerminal(t, world, { API_SCOPE: '' }).ended()
  t.same(unset, { code: 1, out: '', err: 'API_SCOPE is not set. See README.md.\n' })
  const unknown = await runTerminal(t, world, { AZURE_CLIENT_ID: '20000000-0000-4000-8000-0000000000ff' }).ended()
  t.match(unknown, { code: 1, out: '', err: /^[^\n]+\n$/ })

  const terminal = runTerminal(t, world)
  const shown = /open (https:\S+) in a browser and enter the code (\S+)\.\n/
  await until(() => shown.test(terminal.output.out))
  const [, page = '', code = ''] = shown.exec(terminal.output.out) ?? []
  await world.tell({ what: 'sign in', page, code, username: 'user@contoso.example' })
  t.match(await terminal.ended(), { code: 1, err: /^\/me: 401 wrong_audience: [A-Z][^\n]+\n$/ })
})
