/** What must be let in, minted by jose: without it, a server that refuses everything would pass. */

import { rows, type Table } from './row.js'
import { callerId, clientId, joseToken } from './world.js'

export const controls: Table = rows('control: a good token', '200', {
  'a user, v2': (world) => world.tenant.userToken(),
  'an app, v2': (world) => world.tenant.appToken(),
  'a user, v1': (world) => world.tenant.v1Token(),
  'an app, v1': (world) => world.tenant.v1Token({ scp: undefined, roles: ['A'], sub: callerId, idtyp: 'app' }),
  'the same claims as all other rows': (world) => joseToken(world),
  'the same claims by node:crypto': (world) => world.token(),
  'a user, v1, by node:crypto': (world) => world.v1Token(),
  'an app by node:crypto': (world) => world.appToken(),
  'aud as an array': (world) => joseToken(world, { aud: [clientId, 'https://other.example'] }),
  'exp with a fraction': (world) => joseToken(world, { exp: Date.now() / 1000 + 3600 }),
  'optional claims in odd shapes': (world) =>
    joseToken(world, { name: 5, email: [], groups: 'x', acct: {}, idtyp: null, acrs: 1, roles: { a: 1 } }),
  'claims of Entra that say nothing here': (world) =>
    joseToken(world, { aio: 'x', rh: 'y', uti: 'z', xms_ftd: 'w', acr: '1', amr: ['pwd', 'mfa'], ipaddr: '::1' })
})
