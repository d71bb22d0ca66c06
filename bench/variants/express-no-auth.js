/** What Express does without any authentication: the yardstick of the peers on Express. */
import { serveExpress } from './on-express.js'

await serveExpress(() => [])
