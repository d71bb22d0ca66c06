/** examples/daemon as a process, against the API and the embedded tenant over https. */
import { join } from 'node:path'
import { decodeJwt } from 'jose'
import { generate } from 'selfsigned'
import t, { type Test } from 'tap'
import { runExample, settingsOf, startWorld, until, type World } from './support.js'

/** What the API answered to the service, which lists users and nothing else. */
const calls = ({ answered }: World) => answered.filter(({ path }) => path === '/users')
const statuses = (world: World) => calls(world).map(({ status }) => status)
const tokensSeen = (world: World) => new Set(calls(world).map(({ authorization }) => authorization)).size

/** A certificate of the service's own, with its key, as PEM. */
const certificate = () => generate([{ name: 'commonName', value: 'daemon' }], { keySize: 2048, algorithm: 'sha256' })

/** Runs the service, ten times a second instead of once a minute. */
function runDaemon(t: Test, world: World, env: Record<string, string> = {}) {
  const settings = { ...settingsOf(world, 'daemon'), NODE_EXTRA_CA_CERTS: world.caFile, POLL_SECONDS: '0.1' }
  return runExample(t, 'daemon', { ...settings, ...env })
}

t.test('one token serves many calls; one that the API no longer takes is replaced, once', async (t) => {
  const world = await startWorld(t)
  const { output } = runDaemon(t, world)
  await until(() => calls(world).length >= 10)
  t.same([tokensSeen(world), world.tokenRequests()], [1, 1])
  t.same([...new Set(statuses(world))], [200])
  t.match(output.out, /^\S+Z \d+ users\n\S+Z \d+ users\n/)

  await world.tell({ what: 'rotate' })
  await until(() => statuses(world).includes(401))
  const end = statuses(world).indexOf(401) + 10
  await until(() => calls(world).length > end)
  t.equal(statuses(world).filter((status) => status !== 200).length, 1, 'refused once')
  t.equal(tokensSeen(world), 2)
  t.equal(output.err, '')
})

t.test('a token that is over is followed by another, before the API would refuse it', async (t) => {
  // MSAL takes a token for over five minutes before it is.
  const world = await startWorld(t, {}, { accessTokenLifetimeSeconds: 302 })
  runDaemon(t, world)
  await until(() => tokensSeen(world) >= 2)
  t.same([...new Set(statuses(world))], [200])
  t.ok(calls(world).length > 2, 'each served more than one call')
})

t.test('401 again: it says why, after two requests and not three', async (t) => {
  const world = await startWorld(t, { ENTRA_AUDIENCE: 'api://another' })
  const { code, err } = await runDaemon(t, world).ended()
  t.equal(code, 1)
  t.match(err, /^\S+Z \/users: 401 wrong_audience: [A-Z][^\n]+\n$/)
  t.same(statuses(world), [401, 401])
  t.same([tokensSeen(world), world.tokenRequests()], [2, 2])
})

t.test('mistakes are said in one line, without the secret', async (t) => {
  const world = await startWorld(t)
  const secret = 'not-the-secret-of-anybody'
  const wrong = await runDaemon(t, world, { AZURE_CLIENT_SECRET: secret }).ended()
  t.equal(wrong.code, 1)
  t.match(wrong.err, /^\S+Z [^\n]*invalid_client[^\n]*\n$/)
  t.notMatch(wrong.err + wrong.out, secret)
  const untrusted = await runDaemon(t, world, { NODE_EXTRA_CA_CERTS: '' }).ended()
  t.equal(untrusted.code, 1, 'no token is asked for where the certificate is not trusted')
  t.notMatch(untrusted.err + untrusted.out, settingsOf(world, 'daemon').AZURE_CLIENT_SECRET)
  const unset = await runDaemon(t, world, { AZURE_CLIENT_SECRET: '' }).ended()
  t.match(unset, { code: 1, err: /AZURE_CLIENT_SECRET is not set/ })
  const roleless = settingsOf(world, 'daemon-no-roles')
  const refused = await runDaemon(t, world, roleless).ended()
  t.match(refused, { code: 1, err: /\/users: 403 [a-z_]+: [A-Z]/ })
  t.same(statuses(world), [403])
})

t.test('a certificate serves as well as a secret, and only the one that is registered', async (t) => {
  const [mine, other] = await Promise.all([certificate(), certificate()])
  const daemon = '20000000-0000-4000-8000-000000000003'
  const world = await startWorld(t, {}, { clientCertificates: { [daemon]: mine.cert } })
  const folder = t.testdir({ 'mine.pem': mine.private + mine.cert, 'other.pem': other.private + other.cert })
  const env = { AZURE_CLIENT_SECRET: '' }
  const { process, output } = runDaemon(t, world, { ...env, AZURE_CLIENT_CERTIFICATE_PATH: join(folder, 'mine.pem') })
  await until(() => calls(world).length >= 5 || process.exitCode !== null)
  t.equal(output.err, '')
  process.kill()
  t.same([...new Set(statuses(world))], [200])
  t.same([output.err, tokensSeen(world), world.tokenRequests()], ['', 1, 1])
  const token = String(calls(world)[0]?.authorization).slice('Bearer '.length)
  t.match(decodeJwt(token), { azpacr: '2', azp: daemon }, 'the API can see which it was')

  const path = join(folder, 'other.pem')
  const refused = await runDaemon(t, world, { ...env, AZURE_CLIENT_CERTIFICATE_PATH: path }).ended()
  t.equal(refused.code, 1)
  t.match(refused.err, /^\S+Z [^\n]*invalid_client[^\n]*\n$/)
  const missing = await runDaemon(t, world, { ...env, AZURE_CLIENT_CERTIFICATE_PATH: `${path}.none` }).ended()
  t.match(missing, { code: 1, err: /^\S+Z ENOENT[^\n]+other\.pem\.none[^\n]*\n$/ })
})
