import t from 'tap'
import { type Cloud, clouds } from '../../../src/plugin/entra/clouds.js'
import { toSettings } from '../../../src/plugin/options.js'

const tenantId = '11111111-2222-4333-8444-555555555555'
const clientId = '66666666-7777-4888-8999-aaaaaaaaaaaa'

interface Row {
  authority: string
  /** `undefined`: only the v1 metadata says it. */
  v1?: string
}

/**
 * Entra rules 1 and 12; Microsoft, "National clouds", and its answer on "token issuers for the sovereign clouds": US
 * Government's v1 issuer is the public one, China has its own.
 */
const microsoft: Record<Cloud, Row> = {
  public: { authority: 'https://login.microsoftonline.com', v1: `https://sts.windows.net/${tenantId}/` },
  usgovernment: { authority: 'https://login.microsoftonline.us', v1: `https://sts.windows.net/${tenantId}/` },
  china: { authority: 'https://login.partner.microsoftonline.cn', v1: `https://sts.chinacloudapi.cn/${tenantId}/` },
  france: { authority: 'https://login.sovcloud-identity.fr' },
  germany: { authority: 'https://login.sovcloud-identity.de' },
  singapore: { authority: 'https://login.sovcloud-identity.sg' }
}

const names = Object.keys(microsoft) as Cloud[]

t.test('the contract: the clouds, and no other', async (t) => {
  t.strictSame(Object.keys(clouds).sort(), [...names].sort())
})

t.test('the contract: issuers and discovery of each cloud', async (t) => {
  for (const cloud of names) {
    const { authority, v1 } = microsoft[cloud]
    const [v2Source, v1Source] = toSettings({ tenantId, clientId, cloud }).issuers
    t.equal(v2Source?.issuer, `${authority}/${tenantId}/v2.0`, `${cloud}: v2 issuer`)
    t.equal(v2Source?.url, `${authority}/${tenantId}/v2.0/.well-known/openid-configuration`, `${cloud}: v2 discovery`)
    t.equal(v1Source?.url, `${authority}/${tenantId}/.well-known/openid-configuration`, `${cloud}: v1 discovery`)
    if (v1 !== undefined) t.equal(v1Source?.issuer, v1, `${cloud}: v1 issuer, as the table has it`)
    else t.match(v1Source?.issuer, RegExp, `${cloud}: v1 issuer, as its metadata says`)
  }
})

const sourcesOf = (options: { cloud?: Cloud; authority?: string }) =>
  toSettings({ tenantId, clientId, ...options }).issuers.map(({ url, issuer, optional }) => ({ url, issuer, optional }))

t.test('the contract: public by default', async (t) => {
  t.strictSame(sourcesOf({}), sourcesOf({ cloud: 'public' }))
})

t.test('an authority that is one of the clouds is held to the same table', async (t) => {
  for (const cloud of names) {
    const { authority } = microsoft[cloud]
    t.strictSame(sourcesOf({ authority }), sourcesOf({ cloud }), cloud)
  }
})
