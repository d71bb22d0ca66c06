/** The device authorization grant (RFC 8628), as a terminal program and its user meet it. */
import t, { type Test } from 'tap'
import { createBrowser } from '../../src/tenant/client.js'
import { alias, apiScope, claimsOf, clientId, postToken, start } from './helpers.js'

const username = 'user@contoso.example'

async function device(t: Test, at: 'common' | undefined = undefined) {
  const tenant = await start(t)
  const authority = at ? alias(tenant, at) : tenant
  const client_id = clientId(tenant, 'terminal')
  const scope = `openid offline_access ${apiScope(tenant, 'access_as_user')}`
  const answer = await fetch(`${authority.origin}/${authority.tenantId}/oauth2/v2.0/devicecode`, {
    method: 'POST',
    body: new URLSearchParams({ client_id, scope })
  })
  const body = (await answer.json()) as Record<string, string>
  const poll = async (grant_type = 'urn:ietf:params:oauth:grant-type:device_code') => {
    const form = { grant_type, client_id, device_code: String(body.device_code) }
    return (await (await postToken(authority, form)).json()) as Record<string, string>
  }
  const browse = createBrowser(tenant.origin)
  const fill = async (text: string, more: Record<string, string> = {}) => {
    const hidden = [...text.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)]
    const fields = Object.fromEntries(hidden.map(([, name, value]) => [name, value]))
    return browse(String(body.verification_uri), new URLSearchParams({ ...fields, ...more }))
  }
  const enter = async (user_code: string) => fill((await browse(String(body.verification_uri))).text, { user_code })
  return { tenant, body, poll, browse, fill, enter }
}

t.test('the code is typed, an account picked, and the device has tokens', async (t) => {
  for (const at of [undefined, 'common'] as const) {
    const { tenant, body, poll, browse, fill, enter } = await device(t, at)
    t.match(body, { user_code: /^[A-Z]{9}$/, verification_uri: /\/oauth2\/v2\.0\/deviceauth$/, interval: 1 })
    t.match(body.message, `${body.verification_uri} in a browser and enter the code ${body.user_code}`)
    t.match(await poll(), { error: 'authorization_pending' })
    const confirm = await enter(String(body.user_code))
    t.match(confirm.text, '<strong>terminal</strong> asks you to sign in', 'the app by its name')
    t.match(confirm.text, `<code>${body.user_code}</code>`)
    t.match(confirm.text, /<button class="primary">Continue<.*<button name="abort" value="yes">Cancel</s)
    const page = await fill(confirm.text)
    t.match(page.text, 'Sign in for <strong>terminal</strong>, which runs on another device.')
    t.match(page.text, 'Pick an account')
    t.match(await browse(page.url, new URLSearchParams({ username })), {
      text: /You signed in on your device, to <strong>terminal</
    })
    // The second name is the one that the Microsoft libraries send.
    const tokens = await poll(at ? undefined : 'device_code')
    t.match(await claimsOf(tenant, String(tokens.access_token)), { scp: 'access_as_user', tid: tenant.tenantId })
    t.ok(tokens.id_token)
    t.ok(tokens.refresh_token)
    t.match(await poll(), { error: 'invalid_grant' }, 'once')
    t.match(await enter(String(body.user_code)), {
      text: /<p role="alert">This code is unknown, already used or expired/
    })
  }
})

t.test('a code that is not known gets the page again, with a message', async (t) => {
  const { body, browse, enter } = await device(t)
  const { text } = await browse(String(body.verification_uri))
  t.match(text, '<p role="alert"></p>')
  t.match(text, '<label for="user_code">')
  t.notMatch(text, /<script| on[a-z]+=/, 'no script, not even in an attribute')
  t.match(await enter('<b>'), { text: /<p role="alert">This code is unknown.*value="&#60;b&#62;"/s })
  t.match(await enter(''), { text: /<p role="alert">Enter the code first/ })
})

t.test('a forged form gets the page again, with a message', async (t) => {
  const { body, browse } = await device(t)
  await browse(String(body.verification_uri))
  const forged = new URLSearchParams({ xsrf: 'forged', user_code: String(body.user_code) })
  t.match(await browse(String(body.verification_uri), forged), {
    text: /<p role="alert">The page was open for too long/
  })
})

t.test('a form without a session, as after a restart, gets a page to begin again, and no failure', async (t) => {
  const { body } = await device(t)
  const form = new URLSearchParams({ xsrf: 'of another session', user_code: String(body.user_code) })
  for (const cookie of ['', '_session=lost']) {
    const headers = { accept: 'text/html', cookie }
    const answer = await fetch(String(body.verification_uri), { method: 'POST', body: form, headers })
    t.equal(answer.status, 400)
    t.match(await answer.text(), /This sign-in cannot continue.*href="[^"]*deviceauth">Enter a code</s)
  }
})

t.test('the user may refuse the device, which is told', async (t) => {
  const { body, poll, fill, enter } = await device(t)
  const { text } = await enter(String(body.user_code))
  t.match(await fill(text, { abort: 'yes' }), { text: /The device does not get access/ })
  t.match(await poll(), { error: 'access_denied' })
})

t.test('a sign-in for a device that was lost begins again with a code', async (t) => {
  const { tenant, body, fill, enter } = await device(t)
  const { url } = await fill((await enter(String(body.user_code))).text)
  const { text } = await createBrowser(tenant.origin)(url, new URLSearchParams({ username }))
  t.match(text, /This sign-in cannot continue.*href="[^"]*deviceauth">Enter a code</s)
})

t.test('what has a secret signs nobody in', async (t) => {
  const { tenant } = await device(t)
  const daemon = tenant.description.clients.find(({ name }) => name === 'daemon')
  const response = await fetch(`${tenant.origin}/${tenant.tenantId}/oauth2/v2.0/devicecode`, {
    method: 'POST',
    body: new URLSearchParams({
      client_id: String(daemon?.clientId),
      client_secret: String(daemon?.clientSecret),
      scope: 'openid'
    })
  })
  t.equal(response.status, 400)
})
