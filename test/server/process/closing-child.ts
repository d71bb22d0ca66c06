/** A process whose resources never close. */
import { closeGracefully } from '../../../src/server/process/last-words.js'

closeGracefully(
  () => undefined,
  () => new Promise(() => {}),
  () => 50
)
setInterval(() => {}, 1000)
process.kill(process.pid, 'SIGTERM')
