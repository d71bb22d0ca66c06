/** Starts the server. */
import { buildServer } from './server.js'
import { readSettings } from './settings.js'

const { HOST: host = '127.0.0.1', PORT = '3001' } = process.env
const app = await buildServer(readSettings(process.env), { logger: true })
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => app.close())
await app.listen({ host, port: Number(PORT) })
