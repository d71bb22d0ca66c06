/** `fastify-entra explain`: what it says of good tokens, of the commonest mistakes, and of what is no token. */
import { readFile, writeFile } from 'node:fs/promises'
import t from 'tap'
import { run } from '../../../src/plugin/command/run.js'
import { startTenant } from '../../../src/tenant/index.js'
import { processClock } from '../../support/clock.js'
import { clientId, signingKey, startTestTenant, tenantId } from '../../support/tenant.js'
import { appToken } from '../../tenant/helpers.js'
import { entra, mistakes, now, tokenOf } from './mistakes.js'

const explain = (input: string, env: Record<string, string> = entra, ...args: string[]) =>
  run(['explain', ...args], env, async () => input)

const tenant = await startTestTenant(t)
const own = { ENTRA_TENANT_ID: tenantId, ENTRA_CLIENT_ID: clientId, ENTRA_AUTHORITY: tenant.origin }

t.test('a token that no check refuses', async (t) => {
  const offline = await explain(await tenant.userToken(), own)
  t.match(offline, {
    exitCode: 0,
    err: '',
    out: /^No check refuses this token\. A 403 then comes from a guard of the route: compare the detail /
  })
  t.match(offline.out, '\nTHE SIGNATURE WAS NOT CHECKED: ')
  t.match(offline.out, '\nundecided  signature ')
  t.match(offline.out, '\nundecided  entra.key_issuer ')
  t.same(tenant.requests, [], 'nothing is sent')
  const online = await explain(await tenant.userToken(), own, '--online')
  t.match(online, {
    exitCode: 0,
    err: '',
    out: /^No check refuses this token\. A 403 then comes from a guard of the route: compare the detail /
  })
  t.notMatch(online.out, /NOT CHECKED|undecided|FAILS/)
  t.ok(tenant.requests.length > 0)
})

t.test('a token that somebody else signed', async (t) => {
  const token = await tenant.userToken({}, {}, await signingKey('key-1'))
  t.equal((await explain(token, own)).exitCode, 0, 'without keys nobody knows')
  const { exitCode, out } = await explain(token, own, '--online')
  t.equal(exitCode, 1)
  t.match(out, /^A request with this token gets 401 invalid_signature\. Client: /)
  t.match(out, '\nFAILS      signature ')
  const other = await explain(await tenant.userToken({ aud: 'other' }, {}, await signingKey('key-2')), own, '--online')
  t.match(other.out, /FAILS {6}key .*unknown_key/)
  t.match(other.out, /FAILS {6}entra\.aud .*wrong_audience/, 'the rest is explained without the key')
  t.match(
    other.out,
    /\nTHE SIGNATURE WAS NOT CHECKED: .*\. No key of a trusted issuer fits it\.\n/,
    'not to add --online'
  )
})

t.test('a tenant that cannot be reached', async (t) => {
  const gone = await startTestTenant(t)
  const token = await gone.userToken()
  await gone.close()
  const { exitCode, out } = await explain(token, { ...own, ENTRA_AUTHORITY: gone.origin }, '--online')
  t.equal(exitCode, 2)
  t.match(out, /^A request with this token gets 503 tenant_unavailable\. Operator: /)
  t.match(out, /\nThe keys of http:\S+ cannot be fetched: .*ECONNREFUSED/)
})

t.test('as JSON', async (t) => {
  const { exitCode, out } = await explain(await tenant.userToken({ aud: 'other' }), own, '--json')
  t.equal(exitCode, 1)
  t.match(JSON.parse(out), { code: 'wrong_audience', status: 401, signatureChecked: false, checks: [{ id: 'form' }] })
  t.match(JSON.parse((await explain(await tenant.appToken(), own, '--json', '--online')).out), {
    code: undefined,
    signatureChecked: true,
    facts: [{ name: 'token' }]
  })
})

t.test('settings by arguments', async (t) => {
  const token = await tenant.userToken()
  const { ENTRA_AUTHORITY } = own
  const args = ['--tenant', tenantId, '--client', clientId]
  t.equal((await explain(token, { ENTRA_AUTHORITY }, ...args)).exitCode, 0)
  t.match(await explain(token, {}), {
    exitCode: 2,
    out: '',
    err: /ENTRA_CLIENT_ID are missing; .*--tenant and --client\n$/
  })
  t.match(await explain(token, {}, '--tenant', 'x', '--client', clientId), {
    exitCode: 2,
    err: /^ENTRA_TENANT_ID "x" /
  })
  const secret = { ENTRA_CLIENT_SECRET: 'a-secret-that-is-not-used' }
  t.equal((await explain(token, { ...own, ...secret })).exitCode, 0, 'no package of its own is needed for it')
})

t.test('an ID token: not which optional claims an access token could have', async (t) => {
  const { out } = await explain(await tenant.userToken({ nonce: 'n', acct: undefined }), own)
  t.match(out, /\ntoken +an ID token /)
  t.notMatch(out, 'not in it')
})

t.test('what people paste', async (t) => {
  const token = await tenant.userToken()
  const ways = [`${token}\n`, `Bearer ${token}`, `Authorization: Bearer ${token}\r\n`, `"${token}"`, `'${token}'`]
  for (const way of [...ways, JSON.stringify({ token_type: 'Bearer', access_token: token })])
    t.equal((await explain(way, own)).exitCode, 0, way.replace(token, '…'))
})

t.test('what is no token: one sentence, exit status 2, and nothing of the input', async (t) => {
  const token = await tenant.userToken()
  const inputs: [what: string, input: string, says: RegExp][] = [
    ['nothing', '', /has no token/],
    ['blanks', ' \n', /has no token/],
    ['two tokens', `${token}\n${token}`, /more than one token/],
    ['a word', 'undefined', /^The token is the word "undefined"/],
    ['garbage', 'c2VjcmV0.c2VjcmV0.x', /not a signed JWT/],
    ['encrypted', `${Buffer.from('{"alg":"dir","enc":"A128GCM"}').toString('base64url')}..a.b.c`, /is encrypted/],
    ['JSON of something else', '{"error":"invalid_grant"}', /not a signed JWT/],
    ['JSON that ends early', '{"access_token":', /not a signed JWT/],
    ['JSON with another type', '{"access_token":5}', /not a signed JWT/],
    ['quotes alone', '""', /has no token/],
    ['a book', 'x'.repeat(1_000_001), /too long/]
  ]
  for (const [what, input, says] of inputs) {
    const { exitCode, out, err } = await explain(input, own)
    t.equal(exitCode, 2, what)
    t.equal(out, '', what)
    t.match(err, says, what)
    t.match(err, /^[^\n]+\n$/, `${what}: one line`)
    t.notMatch(err, /c2VjcmV0|invalid_grant/, what)
  }
})

t.test('the token is never an argument, and is not shown where it is', async (t) => {
  const token = await tenant.userToken()
  for (const args of [[token], ['--token', token], ['--tenant', tenantId, token]]) {
    const { exitCode, err } = await explain('', own, ...args)
    t.equal(exitCode, 2)
    t.match(err, /^explain takes .*never as an argument\n$/)
  }
})

t.test('what a token contains is not obeyed by a terminal', async (t) => {
  const evil = '\u001b[2J\u202eevil'
  const { out } = await explain(await tenant.userToken({ aud: evil, scp: evil, [evil]: 1 }), own)
  t.notMatch(out, /\p{Cf}|\p{Cc}(?<!\n)/u)
  t.match(out, String.raw`\u202eevil`)
  const odd = `${evil}\u009b\u{e0001}`
  const { out: json } = await explain(await tenant.userToken({ aud: odd }), own, '--json')
  t.notMatch(json, /\p{Cf}|\p{Cc}(?<!\n)/u)
  const { facts }: { facts: { name: string; value: string }[] } = JSON.parse(json)
  t.equal(facts.find(({ name }) => name === 'API (aud)')?.value, JSON.stringify(odd))
})

t.test('facts of a token', async (t) => {
  const seconds = Math.floor(Date.now() / 1000)
  processClock(t).stopWall(seconds * 1000)
  const facts = async (claims: Record<string, unknown>) =>
    Object.fromEntries(
      JSON.parse((await explain(await tenant.userToken(claims), own, '--json')).out).facts.map(
        ({ name, value }: { name: string; value: string }) => [name, value]
      )
    )
  const cases: [claims: Record<string, unknown>, name: string, value: RegExp | undefined][] = [
    [{ idtyp: 'app', scp: undefined }, 'caller', /^an app that calls for itself$/],
    [{ acct: 0 }, 'caller', /^a user, a member of the directory$/],
    [{ acct: 1 }, 'caller', /^a user, a guest of the directory$/],
    [{ acct: 0, xms_act_fct: '11' }, 'caller', /^a user, a member of the directory, through an AI agent$/],
    [{ idtyp: 'app', xms_act_fct: '11' }, 'caller', /^an app that calls for itself, an AI agent$/],
    [{ acct: 0, xms_sub_fct: '13' }, 'caller', /^a user, a member of the directory: the user account of an AI agent$/],
    [{ xms_act_fct: '11', xms_sub_fct: '2' }, 'caller', /^a user, through an AI agent$/],
    [
      { xms_act_fct: '11', xms_sub_fct: '2', xms_par_app_azp: '30cf4c22' },
      'agent',
      /^acts on behalf of the user; its blueprint \(xms_par_app_azp\) is "?30cf4c22"?$/
    ],
    [{ xms_sub_fct: '13' }, 'agent', /^acts for itself, by a user account of its own; .* is not in the token$/],
    [{ idtyp: 'app', xms_sub_fct: '11' }, 'agent', /^acts for itself; /],
    [{ xms_act_fct: '11' }, 'agent', /^acts, and the token does not show for whom/],
    [{ xms_act_fct: '3 9', xms_sub_fct: '2 3' }, 'agent', undefined],
    [{ ver: undefined, xms_act_fct: '11' }, 'agent', undefined],
    [{ ver: undefined, act: { sub: 'b', act: { sub: 'a' } } }, 'actor (act)', /^"?b"?, for whom acted before "?a"?$/],
    [{ ver: undefined, act: 'b' }, 'actor (act)', /^not shown: /],
    [{ ver: undefined }, 'actor (act)', undefined],
    [{ act: { sub: 'b' } }, 'actor (act)', undefined],
    [{ xms_act_fct: '3' }, 'not in it', /xms_sub_fct \(requireAgent, requireHuman\); if/],
    [{ events: {} }, 'token', /^a logout token/],
    [{ token_use: 'id' }, 'token', /^an ID token/],
    [{ typ: 'ID', ver: undefined }, 'token', /^an ID token: /],
    [{ ver: undefined }, 'caller', undefined],
    [
      { aud: 'https://graph.microsoft.com' },
      'token',
      /^an access token for Microsoft Graph of Entra, version 2\.0: only/
    ],
    [{ exp: seconds + 30 * 86_400 }, 'valid', /^for another 30 days$/],
    [{ exp: seconds - 10 }, 'valid', /^no longer: it expired 10 seconds ago$/],
    [{ exp: 'soon' }, 'valid', undefined],
    [{ exp: seconds }, 'valid', /^no longer: it expired 0 seconds ago$/],
    [{ groups: ['a'], idtyp: 'user' }, 'not in it', /^acct \(requireMember\), acrs/],
    [{ idtyp: 'app', scp: undefined, xms_act_fct: '3', xms_sub_fct: '3' }, 'not in it', undefined]
  ]
  for (const [claims, name, value] of cases) {
    const found = (await facts(claims))[name]
    if (value) t.match(String(found), value, JSON.stringify(claims))
    else t.equal(found, undefined, JSON.stringify(claims))
  }
})

t.test('docs/explain.md: the commonest mistakes, as the command explains them', async (t) => {
  processClock(t).stopWall(now)
  const key = await signingKey('the-key-of-the-tenant')
  const sections = []
  for (const mistake of mistakes) {
    const { out, err } = await explain(await tokenOf(mistake, key), mistake.env)
    t.equal(err, '', mistake.title)
    const checks = out.split('\n').filter((line) => !/^(passes|undecided) /.test(line))
    sections.push(`### ${mistake.title}\n\n\`\`\`text\n${checks.join('\n').trimEnd()}\n\`\`\`\n`)
  }
  const page = await readFile('docs/explain.md', 'utf8')
  const [before = ''] = page.split(/(?<=<!-- written by its test[^\n]*-->\n)/)
  const wanted = `${before}\n${sections.join('\n')}`
  if (process.env.DOCS === 'write') await writeFile('docs/explain.md', wanted)
  t.equal(await readFile('docs/explain.md', 'utf8'), wanted, 'DOCS=write writes it')
})

t.test('help, and other subcommands', async (t) => {
  const none = async () => ''
  t.match(await run(['--help'], {}, none), { exitCode: 0, out: /^usage: fastify-entra <subcommand>\n/, err: '' })
  t.match(await run([], {}, none), { exitCode: 2, out: '', err: /explain {3}says why a token is refused/ })
  t.match(await run(['explode'], {}, none), { exitCode: 2, out: '', err: /^usage: / })
  const options = { doctor: /--permissions/, explain: /--online/, manifest: /--format/, routes: /--check/ }
  for (const [name, out] of Object.entries(options)) {
    const help = { exitCode: 0, err: '', out: new RegExp(`^usage: fastify-entra ${name} `) }
    t.match(await run([name, '--help'], {}, none), { ...help, out })
    t.match(await run([name, 'x', '--unknown', '--help'], {}, none), help, `${name}: whatever else is given`)
  }
})

t.test('a bug is no sentence', async (t) => {
  await t.rejects(
    run(['explain'], own, () => Promise.reject(new TypeError('a bug'))),
    { message: 'a bug' }
  )
})

t.test('a tenant ID that stands for many: --online reads their keys, and judges by the allowed ones', async (t) => {
  const embedded = await startTenant({ port: 0 })
  t.teardown(() => embedded.close())
  const { origin, tenantId: home, description } = embedded
  const many = {
    ENTRA_TENANT_ID: 'organizations',
    ENTRA_CLIENT_ID: description.api.clientId,
    ENTRA_AUTHORITY: origin
  }
  const token = await appToken(embedded, 'daemon')
  const allowed = await explain(token, { ...many, ENTRA_ALLOWED_TENANTS: home }, '--online')
  t.match(allowed, {
    exitCode: 0,
    err: '',
    out: /^No check refuses this token\. A 403 then comes from a guard of the route: compare the detail /
  })
  t.notMatch(allowed.out, /NOT CHECKED|undecided|FAILS/)
  const other = await explain(token, { ...many, ENTRA_ALLOWED_TENANTS: tenantId }, '--online')
  t.match(other, { exitCode: 1, err: '' })
  t.match(other.out, /\nFAILS +[^\n]*tenant/)
})
