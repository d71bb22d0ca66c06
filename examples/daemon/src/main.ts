/** A service without a user: counts the users of the tenant, through the API, now and then. */
import { setTimeout } from 'node:timers/promises'
import { get } from './api.js'
import { readSettings } from './settings.js'
import { createTokens } from './tokens.js'

async function main(): Promise<void> {
  const { apiUrl, pollSeconds, ...settings } = readSettings(process.env)
  const tokens = createTokens({ apiUrl, pollSeconds, ...settings })
  const poll = async () => {
    const { users } = (await get(apiUrl, '/users', tokens)) as { users: unknown[] }
    console.log(`${new Date().toISOString()} ${users.length} users`)
  }

  // What is wrong from the start is a mistake in the settings, and ends the process. Later it is an outage, and passes.
  await poll()
  for (;;) {
    await setTimeout(pollSeconds * 1000)
    await poll().catch(say)
  }
}

/** The message only: an error of a library may hold the request, and with it a secret. */
function say(error: Error): void {
  console.error(`${new Date().toISOString()} ${error.message}`)
}

await main().catch((error: Error) => {
  say(error)
  process.exitCode = 1
})
