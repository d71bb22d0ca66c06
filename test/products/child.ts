/** The server as its environment says, and one route more: the whole principal, which its own routes do not show of every caller. */
import { buildApp } from '../../src/server/app.js'
import { readConfig } from '../../src/server/config/config.js'

const { host, port, ...config } = readConfig(process.env)
const app = await buildApp(config)
app.get('/whoami', { config: { auth: 'required' }, schema: { hide: true } }, ({ principal }) => principal)
await app.listen({ host, port })
