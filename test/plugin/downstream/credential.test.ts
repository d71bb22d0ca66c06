/** Credentials that are replaced while an API runs: over real HTTP, against a token endpoint under control, with real files. */
import { execFileSync } from 'node:child_process'
import { rename, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { EntraConfigurationError } from '../../../src/plugin/index.js'
import { decodeToken } from '../../../src/plugin/verification/decode.js'
import { clientCertificate } from '../../support/certificate.js'
import { checkRefusal } from '../../support/http.js'
import { type Granter, granted, startDownstream } from '../../support/token-endpoint.js'

const wrongSecret = { status: 401, body: { error: 'invalid_client', error_codes: [7000215] } }

/** A secret that the tenant accepts; others are refused. */
function accepting(secret: string) {
  const state = { secret }
  const grant: Granter = (form, count) =>
    form.get('client_secret') === state.secret ? granted(`token-${count}`) : wrongSecret
  return Object.assign(state, { grant })
}

/** An API that asks for callers of its own. */
async function start(t: Test, grant: Granter, downstream: object) {
  const made = await startDownstream(t, grant, { downstream })
  const { ask, tenant, endpoint, logged } = await made.start()
  let callers = 0
  const call = async () => {
    callers += 1
    return ask(await tenant.userToken({ uti: `caller-${callers}` }))
  }
  return { call, endpoint, logged }
}

t.test(
  'a secret from a function is replaced: the same request gets a token, and tokens that were fetched stay',
  async (t) => {
    const tenant = accepting('canary-secret-one')
    let current = 'canary-secret-one'
    const { call, endpoint, logged } = await start(t, tenant.grant, {
      credential: async () => ({ clientSecret: current })
    })
    t.equal((await call()).body, 'token-1')
    tenant.secret = 'canary-secret-two'
    current = 'canary-secret-two'
    t.equal((await call()).body, 'token-3')
    t.same(
      endpoint.forms.map((form) => form.get('client_secret')),
      ['canary-secret-one', 'canary-secret-one', 'canary-secret-two']
    )
    t.match(logged(), 'the credential of this API was replaced')
    t.notMatch(logged(), 'canary-secret')
  }
)

t.test('two secrets: the tenant accepts the second', async (t) => {
  const { call, logged } = await start(t, accepting('two').grant, { clientSecret: ['one', 'two'] })
  t.equal((await call()).body, 'token-2')
  t.equal((await call()).body, 'token-3')
  t.match(logged(), 'the tenant refused a credential of this API, and accepted another one')
  const none = await start(t, accepting('three').grant, { clientSecret: ['one', 'two'] })
  checkRefusal(t, await none.call(), { status: 502, code: 'downstream_refused' })
})

/** SHA-256 thumbprint that an assertion names, in hexadecimal. */
function thumbprintIn(form: URLSearchParams): string {
  const [header = ''] = String(form.get('client_assertion')).split('.')
  const { 'x5t#S256': thumbprint } = JSON.parse(Buffer.from(header, 'base64url').toString())
  return Buffer.from(thumbprint, 'base64url').toString('hex')
}

t.test('a certificate in a file is replaced while the API runs, before or after it is registered', async (t) => {
  const [one, two] = [await clientCertificate(), await clientCertificate()]
  const file = join(t.testdir({ 'own.pem': one.pem }), 'own.pem')
  const registered = new Set<string>()
  const seen: string[] = []
  const grant: Granter = (form, count) => {
    seen.push(thumbprintIn(form))
    return registered.size === 0 || registered.has(seen.at(-1) ?? '') ? granted(`token-${count}`) : wrongSecret
  }
  const { call, logged } = await start(t, grant, { clientCertificateFile: file })
  t.equal((await call()).body, 'token-1')
  registered.add(String(seen[0]))
  await writeFile(`${file}.new`, two.pem)
  await rename(`${file}.new`, file)
  t.equal((await call()).body, 'token-3', 'the new one is not registered yet')
  registered.add(String(seen[1]))
  registered.delete(String(seen[0]))
  t.equal(seen[0], seen[2])
  t.equal((await call()).body, 'token-5', 'it is now, in place of the first')
  t.equal(seen[1], seen.at(-1))
  for (const damage of [() => writeFile(file, 'no certificate'), () => rm(file)]) {
    await damage()
    t.equal((await call()).status, 200, 'the last one is used')
  }
  t.match(logged(), 'the credential of this API could not be loaded, and the last one is used')
  t.match(logged(), 'downstream.clientCertificateFile cannot be used')
  t.notMatch(logged(), 'PRIVATE KEY')
})

/** As a platform issues it; nobody verifies it here. */
const jwt = (name: string) =>
  [{ alg: 'RS256' }, { sub: name }].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.') +
  '.c2lnbmF0dXJl'

t.test('the token of a workload identity is read again as the platform replaces it', async (t) => {
  const file = join(t.testdir({ token: `${jwt('one')}\n` }), 'token')
  const { call, endpoint, logged } = await start(t, (_form, count) => granted(`token-${count}`), {
    federatedTokenFile: file
  })
  t.equal((await call()).body, 'token-1')
  await writeFile(file, jwt('two'))
  t.equal((await call()).body, 'token-2')
  t.same(
    endpoint.forms.map((form) => decodeToken(String(form.get('client_assertion')))),
    ['one', 'two'].map((name) => decodeToken(jwt(name)))
  )
  t.notOk(endpoint.forms[0]?.has('client_secret'))
  await writeFile(file, 'canary-content')
  checkRefusal(t, await call(), { status: 503, code: 'downstream_unavailable' })
  await rm(file)
  checkRefusal(t, await call(), { status: 503, code: 'downstream_unavailable' })
  t.match(logged(), 'downstream.federatedTokenFile has no JWT in the file')
  t.match(logged(), 'downstream.federatedTokenFile cannot be read (ENOENT); give the path')
  // Read as any file, a named pipe would take a thread each time, and Node.js has four.
  execFileSync('mkfifo', [file])
  for (let times = 0; times < 5; times += 1)
    checkRefusal(t, await call(), { status: 503, code: 'downstream_unavailable' })
  t.match(logged(), 'downstream.federatedTokenFile cannot be read (it is not a regular file); give the path')
  await rm(file)
  await writeFile(file, '')
  await truncate(file, 1024 * 1024 + 1)
  checkRefusal(t, await call(), { status: 503, code: 'downstream_unavailable' })
  t.match(logged(), 'downstream.federatedTokenFile cannot be read (it is larger than 1048576 bytes); give the path')
  await writeFile(file, jwt('three'))
  t.equal((await call()).body, 'token-3')
  t.notMatch(logged(), 'canary-content')
})

t.test('at registration: a file that cannot be used is named, and nothing of what is in it', async (t) => {
  const folder = t.testdir({ token: 'canary-content', pem: 'canary-content' })
  const sentence = async (downstream: object) => {
    const error: unknown = await startDownstream(t, () => undefined, { downstream }).catch((reason: unknown) => reason)
    t.ok(error instanceof EntraConfigurationError)
    t.notMatch(String(error), 'canary')
    return error instanceof Error ? error.message : ''
  }
  const token = join(folder, 'token')
  const missing = join(folder, 'missing')
  t.equal(
    await sentence({ federatedTokenFile: token }),
    `downstream.federatedTokenFile has no JWT in the file ${JSON.stringify(token)}; give the path of the file into which the platform writes the token`
  )
  t.equal(
    await sentence({ federatedTokenFile: missing }),
    `downstream.federatedTokenFile cannot be read (ENOENT); give the path of a file that this process may read, in place of ${JSON.stringify(missing)}`
  )
  t.match(
    await sentence({ clientCertificateFile: missing }),
    /^downstream.clientCertificateFile cannot be read \(ENOENT\)/
  )
  t.match(
    await sentence({ clientCertificateFile: join(folder, 'pem') }),
    /^downstream.clientCertificateFile cannot be used; give/
  )
  t.match(await sentence({ clientCertificateFile: 'canary\nPEM' }), /\(ENOENT\); .* in place of what is not shown$/)
  t.match(await sentence({ federatedTokenFile: '' }), /^downstream.federatedTokenFile is empty or not a string/)
  t.match(await sentence({ federatedTokenFile: 7 }), /^downstream.federatedTokenFile is empty or not a string/)
  t.match(await sentence({ credential: 'canary' }), /^downstream.credential is not a function/)
  t.match(
    await sentence({ clientSecret: ['canary', ''] }),
    /^downstream.clientSecret is empty or not a string; give one/
  )
  t.equal(
    await sentence({ clientSecret: ['canary', 'canary', 'canary'] }),
    'downstream.clientSecret is a list of 3; give one string that is not empty, or a list of two during a rotation'
  )
  const pipe = join(folder, 'pipe')
  execFileSync('mkfifo', [pipe])
  for (const name of ['federatedTokenFile', 'clientCertificateFile'])
    t.match(
      await sentence({ [name]: pipe }),
      `downstream.${name} cannot be read (it is not a regular file); give the path`
    )
})
