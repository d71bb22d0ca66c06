/** An app for a process manager: it sends messages, and ends when it wants to. */
import app from './app.js'

process.send?.('ready')
process.send?.({ routes: [] })
process.on('SIGTERM', () => {})
process.exit = (() => {}) as never
setInterval(() => {}, 1000)

export default app
