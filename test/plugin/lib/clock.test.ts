import t from 'tap'
import { systemClock } from '../../../src/plugin/lib/clock.js'
import { processClock } from '../../support/clock.js'

const sleep = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds))

t.test('it counts milliseconds, and never goes back', async (t) => {
  const before = systemClock.now()
  await sleep(50)
  const passed = systemClock.now() - before
  t.ok(passed >= 49 && passed < 45_000, `50 ms are ${passed}`)
})

t.test('a corrected wall clock does not move it: what ages keys is monotonic', (t) => {
  const before = systemClock.now()
  processClock(t).moveWall(86_400_000)
  t.ok(systemClock.now() - before < 60_000)
  t.end()
})

t.test('after() runs the callback once, and not before its time', async (t) => {
  const start = systemClock.now()
  const alive = setInterval(() => {}, 1000) // its own timer keeps nobody alive
  let runs = 0
  const passed = await new Promise<number>((resolve) => {
    systemClock.after(30, () => {
      runs += 1
      resolve(systemClock.now() - start)
    })
  })
  clearInterval(alive)
  t.ok(passed >= 28, `30 ms are ${passed}`)
  await sleep(60)
  t.equal(runs, 1)
})

t.test('a cancelled callback does not run', async (t) => {
  let runs = 0
  const cancel = systemClock.after(20, () => {
    runs += 1
  })
  cancel()
  await sleep(60)
  t.equal(runs, 0)
})

t.test('a waiting timer does not keep the process alive', (t) => {
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
  const before = timers()
  const cancel = systemClock.after(60_000, () => {})
  t.equal(timers(), before)
  cancel()
  t.end()
})
