/** Ports of `npm run dev`: which are tried, and what is said about a taken one. */
import t from 'tap'
import { listenFrom, listenOn } from '../../src/server/dev-ports.js'

/** Listens on ports that are free. */
const free =
  (...ports: readonly number[]) =>
  async (port: number) => {
    if (ports.includes(port)) return port
    throw Object.assign(new Error('taken'), { code: 'EADDRINUSE' })
  }

t.test('a port that is set is the only one tried', async (t) => {
  t.equal(await listenOn('TENANT_PORT', '4000', free(4000)), 4000)
  const message = 'PORT 3000 is used by another program; end that program, or set PORT to another port'
  await t.rejects(listenFrom('PORT', '3000', 3000, free(3001)), { name: 'EntraConfigurationError', message })
  await t.rejects(listenOn('PORT', '65536', free(1)), { message: /^PORT "65536" is not allowed/ })
})

t.test('a default one that is taken moves on, to the last of twenty', async (t) => {
  for (const unset of [undefined, '']) t.equal(await listenFrom('PORT', unset, 3000, free(3020)), 3020)
  await t.rejects(listenFrom('PORT', undefined, 3000, free(3021)), { message: /^PORT 3020 is used by another/ })
})

t.test('any other failure is what it is', async (t) => {
  const fails = async () => {
    throw new Error('no permission')
  }
  await t.rejects(listenOn('PORT', '80', fails), { message: 'no permission' })
  await t.rejects(listenFrom('PORT', undefined, 80, fails), { message: 'no permission' })
})
