/** Calls the API as a service, and prints what it gets: an answer, or why there is none. */
import { type Api, createApi } from './client.js'
import { clientCredentials } from './client-credentials.js'

/** Named as Azure's own SDKs name them. */
const { API_URL = 'http://127.0.0.1:3000', AZURE_AUTHORITY_HOST = 'https://login.microsoftonline.com' } = process.env

async function main(): Promise<void> {
  const tokens = clientCredentials({
    authority: AZURE_AUTHORITY_HOST,
    tenantId: setting('AZURE_TENANT_ID'),
    clientId: setting('AZURE_CLIENT_ID'),
    clientSecret: setting('AZURE_CLIENT_SECRET'),
    scope: setting('API_SCOPE')
  })
  await show(createApi(API_URL, tokens))
}

/** `data` has the type of the answer with 200, `error` that of the refusals: one of them is there. */
async function show(api: Api): Promise<void> {
  const { data: index } = await api.GET('/')
  console.log(`API: ${index?.name}`)

  const { data: caller, error: refusal } = await api.GET('/protected')
  // A refusal is a problem (RFC 9457): `code` is for programs, `detail` says what to change.
  if (refusal) return console.log(`Refused: ${refusal.status} ${refusal.code}: ${refusal.detail}`)
  console.log(`Called as: ${caller.kind} ${caller.id}`)

  const { data: directory, error: noUsers } = await api.GET('/users')
  if (noUsers) console.log(`No users: ${noUsers.status} ${noUsers.code}: ${noUsers.detail}`)
  else for (const user of directory.users) console.log(`User: ${user.displayName ?? user.userPrincipalName}`)

  const { data: me, error: nobody } = await api.GET('/me')
  console.log(me ? `Signed in: ${me.name}` : `Nobody is signed in: ${nobody.status} ${nobody.code}: ${nobody.detail}`)
}

function setting(name: string): string {
  const value = process.env[name]
  if (!value) throw new Error(`${name} is not set. See README.md.`)
  return value
}

await main().catch((error: Error) => {
  console.error(error.message)
  process.exitCode = 1
})
