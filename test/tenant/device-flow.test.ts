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
    t.match(confirm.text, clientId(tenant, 'terminal'))
    t.match(confirm.text, `<code>${body.user_code}</code>`)
    t.match(confirm.text, '<button form="op.deviceConfirmForm">')
    const page = await fill(confirm.text)
    t.match(page.text, 'Pick an account')
    t.match(await browse(page.url, new URLSearchParams({ username })), { text: /You signed in on your device/ })
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
  t.match(text, '<button form="op.deviceInputForm">')
  t.match(await enter('<b>'), { text: /<p role="alert">This code is unknown.*&lt;b&gt;/s })
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
