/** https: who trusts the tenant's authority reaches it, and nobody else does. Verification is never off. */
import { execFile } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import type { Tenant } from '../../src/tenant/index.js'
import { createTlsIdentity } from '../../src/tenant/tls.js'
import { start } from './helpers.js'

/** A process of its own that GETs a URL; what it prints is the status, or the code of the error. */
async function fetched(t: Test, url: string, ca?: string): Promise<string> {
  const file = join(t.testdir({ 'ca.pem': '' }), 'ca.pem')
  await writeFile(file, ca ?? '')
  const script = `fetch(${JSON.stringify(url)}).then((r) => console.log(r.status), (e) => console.log(e.cause.code))`
  const { NODE_EXTRA_CA_CERTS: _, ...env } = process.env
  const trusting = ca === undefined ? env : { ...env, NODE_EXTRA_CA_CERTS: file }
  return (await promisify(execFile)(process.execPath, ['-e', script], { env: trusting })).stdout.trim()
}

// Another authority of the same name: the signature does not fit.
const untrusted =
  /^(UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT_LOCALLY|SELF_SIGNED_CERT_IN_CHAIN|CERT_SIGNATURE_FAILURE)$/

const discovery = ({ issuer }: Tenant) => `${issuer}/.well-known/openid-configuration`

t.test('a process verifies the tenant with NODE_EXTRA_CA_CERTS, and does not without', async (t) => {
  const tenant = await start(t, { tls: true })
  t.match(tenant.origin, /^https:\/\/127\.0\.0\.1:\d+$/)
  t.match(tenant.issuer, tenant.origin)
  t.equal(await fetched(t, discovery(tenant), tenant.ca), '200')
  t.match(await fetched(t, discovery(tenant)), untrusted)
  const other = await createTlsIdentity()
  t.match(await fetched(t, discovery(tenant), other.ca), untrusted, 'nor with another one')
})

t.test('plain http is what there is otherwise', async (t) => {
  const tenant = await start(t)
  t.match(tenant.origin, /^http:/)
  t.notOk('ca' in tenant)
})

t.test('every name of this machine is in the certificate, and no other', async (t) => {
  const { ca, cert, key } = await createTlsIdentity()
  const tenant = await start(t, { tls: { ca, cert, key } })
  t.equal(tenant.ca, ca, 'as given')
  const port = Number(new URL(tenant.origin).port)
  const verify = (servername: string) =>
    new Promise((resolve) => {
      const socket = connect({ host: '127.0.0.1', port, ca, servername, ALPNProtocols: [] }, () => {
        socket.end()
        resolve('verified')
      })
      socket.on('error', (error) => resolve((error as NodeJS.ErrnoException).code))
    })
  t.equal(await verify('localhost'), 'verified')
  t.equal(await verify('app.example'), 'ERR_TLS_CERT_ALTNAME_INVALID')
  const certificate = new X509Certificate(cert)
  t.equal(certificate.checkIP('127.0.0.1'), '127.0.0.1')
  t.equal(certificate.checkIP('::1'), '::1')
  t.notOk(certificate.ca, 'it cannot vouch for others')
  t.ok(certificate.verify(new X509Certificate(ca).publicKey))
  const days = (Date.parse(certificate.validTo) - Date.now()) / 86_400_000
  t.ok(days > 1 && days < 90, 'for a while')
})
