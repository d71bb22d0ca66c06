/** The option `resource`: which URLs are accepted, and where the metadata of each is. */
import t from 'tap'
import { toSettings } from '../../../src/plugin/options.js'
import { protectedResourceOf } from '../../../src/plugin/resource/protected-resource.js'
import { clientId, tenantId } from '../../support/tenant.js'

const root = '/.well-known/oauth-protected-resource'

t.test('RFC 9728 §3.1: the well-known path is inserted between host and path', async (t) => {
  const places: Readonly<Record<string, string>> = {
    'https://api.example.com': `https://api.example.com${root}`,
    'https://api.example.com/': `https://api.example.com${root}`,
    'https://api.example.com/mcp': `https://api.example.com${root}/mcp`,
    'https://api.example.com/mcp/': `https://api.example.com${root}/mcp`,
    'https://api.example.com:8443/a/b-c_d.e~f@g': `https://api.example.com:8443${root}/a/b-c_d.e~f@g`,
    'http://127.0.0.1:3000/mcp': `http://127.0.0.1:3000${root}/mcp`,
    'http://localhost:3000': `http://localhost:3000${root}`,
    'http://[::1]:3000/mcp': `http://[::1]:3000${root}/mcp`
  }
  for (const [publicUrl, metadataUrl] of Object.entries(places)) {
    const resource = protectedResourceOf({ publicUrl, name: 'Orders API' })
    t.match(resource, { publicUrl, metadataUrl, name: 'Orders API' }, publicUrl)
    t.equal(resource && new URL(metadataUrl).pathname, resource?.metadataPath)
  }
  t.equal(protectedResourceOf(undefined), undefined)
})

t.test('what is no URL of an API throws, and says what is wrong with it', async (t) => {
  const faults: readonly (readonly [unknown, string])[] = [
    ['/mcp', 'it is not an absolute URL'],
    ['api.example.com/mcp', 'it is not an absolute URL'],
    [7, 'it is not an absolute URL'],
    ['https://user@api.example.com', 'it has credentials'],
    ['https://:secret@api.example.com', 'it has credentials'],
    ['https://api.example.com/mcp#top', 'it has a fragment'],
    ['https://api.example.com/mcp#', 'it has a fragment'],
    ['https://api.example.com/mcp?a=1', 'it has a query'],
    ['https://api.example.com/mcp?', 'it has a query'],
    ['http://api.example.com', 'it is neither https nor on loopback'],
    ['api://66666666-7777-4888-8999-aaaaaaaaaaaa', 'it is neither https nor on loopback'],
    ['https://api.example.com/:id', 'its path has other characters than letters, digits and . _ ~ @ -'],
    ['https://api.example.com/*', 'its path has other characters than letters, digits and . _ ~ @ -'],
    ['https://api.example.com/a%2Fb', 'its path has other characters than letters, digits and . _ ~ @ -'],
    ['https://api.example.com//mcp', 'its path has other characters than letters, digits and . _ ~ @ -'],
    ['HTTPS://API.example.com/mcp', 'clients write it as https://api.example.com/mcp'],
    ['https://api.example.com:443/mcp', 'clients write it as https://api.example.com/mcp'],
    ['https://api.example.com/a/../mcp', 'clients write it as https://api.example.com/mcp'],
    [' https://api.example.com/mcp', 'clients write it as https://api.example.com/mcp']
  ]
  for (const [publicUrl, fault] of faults)
    t.throws(
      () => protectedResourceOf({ publicUrl }),
      {
        name: 'EntraConfigurationError',
        message: `is not allowed: ${fault}; give the URL at which clients reach this API`
      },
      String(publicUrl)
    )
  for (const publicUrl of ['https://user:secret@api.example.com/mcp', 'https://api.example.com/mcp?key=secret'])
    t.throws(() => protectedResourceOf({ publicUrl }), { message: /^((?!secret).)*$/ }, 'nothing secret is shown')
  for (const given of [{}, { publicUrl: '' }, { publicUrl: undefined }])
    t.throws(() => protectedResourceOf(given), { message: 'resource.publicUrl is missing; give the URL' })
  for (const given of ['https://api.example.com', 7, null, ['https://api.example.com']])
    t.throws(() => protectedResourceOf(given), { message: /^resource .+ is not allowed; give \{ publicUrl \} or/ })
  t.throws(() => protectedResourceOf({ publicURL: 'https://api.example.com' }), {
    message: 'resource has no option "publicURL"; its options are publicUrl, name'
  })
  for (const name of ['', '  ', 'a\nb', 'x'.repeat(201), 7])
    t.throws(() => protectedResourceOf({ publicUrl: 'https://api.example.com', name }), { message: 'resource.name' })
})

const entra = { tenantId, clientId }
const resource = { publicUrl: 'https://api.example.com/mcp' }

t.test('for Entra it is one more audience, and the App ID URI in the names of scopes', async (t) => {
  const settings = toSettings({ ...entra, resource })
  t.same(settings.audiences, [clientId, `api://${clientId}`, `api://${tenantId}/${clientId}`, resource.publicUrl])
  t.equal(settings.scopeBase, resource.publicUrl)
  t.equal(settings.realm, resource.publicUrl)
  const given = toSettings({ ...entra, audience: [clientId, 'api://orders', resource.publicUrl], resource })
  t.same(given.audiences, [clientId, 'api://orders', resource.publicUrl], 'once')
  t.equal(given.scopeBase, resource.publicUrl, 'also beside an App ID URI')
  t.equal(toSettings(entra).resource, undefined)
  t.throws(() => toSettings({ ...entra, resource: { publicUrl: 'https://api.example.com/' } }), {
    message:
      'resource.publicUrl "https://api.example.com/" ends with a slash, and no App ID URI of Entra does; leave the slash out'
  })
})

t.test('for another provider it is one more audience; scopes and roles stay where they are', async (t) => {
  const settings = toSettings({ issuer: 'https://id.example', audience: 'orders', provider: 'keycloak', resource })
  t.same(settings.audiences, ['orders', resource.publicUrl])
  t.equal(settings.scopeBase, undefined)
  t.equal(settings.realm, 'orders')
  t.ok(
    toSettings({
      issuer: 'https://id.example',
      audience: 'orders',
      resource: { publicUrl: 'https://api.example.com/' }
    })
  )
})

t.test('a URL that tokens for other APIs carry as well throws, by the name of this option', async (t) => {
  const fault = { message: 'resource.publicUrl "https://graph.microsoft.com" belongs to Microsoft Graph' }
  t.throws(() => toSettings({ ...entra, resource: { publicUrl: 'https://graph.microsoft.com' } }), fault)
  t.throws(() => toSettings({ tenants: [entra], resource: { publicUrl: 'https://graph.microsoft.com' } }), fault)
  const own = { publicUrl: 'https://id.example/userinfo' }
  t.throws(() => toSettings({ issuer: 'https://id.example', audience: 'orders', resource: own }), {
    message: 'resource.publicUrl "https://id.example/userinfo" belongs to the issuer itself'
  })
})

t.test('it is an option of the API, not of one of its tenants', async (t) => {
  t.throws(() => toSettings({ tenants: [{ ...entra, resource } as never] }), {
    message: 'there is no option "resource"'
  })
  t.equal(toSettings({ tenants: [entra], resource }).scopeBase, resource.publicUrl)
})
