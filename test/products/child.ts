/** The server as its environment says, and one route more: the whole principal, which its own routes do not show of every caller. */
import { buildApp } from '../../src/server/app.js'
import { readConfig } from '../../src/server/config/config.js'

const { host, port, ...config } = readConfig(process.env)
// Several tenants are an option of the plugin.
const { PRODUCT_TENANTS: tenants } = process.env
const app = await buildApp(tenants === undefined ? config : { ...config, entra: { tenants: JSON.parse(tenants) } })
app.get('/whoami', { config: { auth: 'required' }, schema: { hide: true } }, ({ principal }) => principal)
await app.listen({ host, port })
