import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import makeApp from './made.js'

const other = createServer()
await new Promise<void>((listening) => other.listen(0, '127.0.0.1', listening))
const app = await makeApp()
await app.listen({ host: '127.0.0.1', port: (other.address() as AddressInfo).port })

export default app
