/** A certificate as credential: the assertion that MSAL signs with it, checked by jose, which shares no code with it. */
import { X509Certificate } from 'node:crypto'
import { importSPKI, jwtVerify } from 'jose'
import t from 'tap'
import { downstreamOf } from '../../../src/plugin/downstream/options.js'
import { clientCertificate } from '../../support/certificate.js'
import { clientId } from '../../support/tenant.js'
import { granted, startDownstream, tokenPath } from '../../support/token-endpoint.js'

t.test('a client assertion signed with the certificate’s key, that names the certificate by SHA-256', async (t) => {
  const { pem, certificate, publicKey } = await clientCertificate()
  const made = await startDownstream(t, () => granted('token'), { downstream: { clientCertificate: pem } })
  const { ask, tenant, endpoint, logged } = await made.start()
  t.equal((await ask(await tenant.userToken())).body, 'token')
  const [form] = endpoint.forms
  t.equal(form?.get('client_assertion_type'), 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer')
  t.notOk(form?.has('client_secret'))
  const key = await importSPKI(publicKey, 'PS256')
  const options = {
    algorithms: ['PS256'],
    issuer: clientId,
    subject: clientId,
    audience: tenant.origin + tokenPath,
    clockTolerance: 1
  }
  const { protectedHeader } = await jwtVerify(String(form?.get('client_assertion')), key, options)
  const thumbprint = new X509Certificate(certificate).fingerprint256.replaceAll(':', '')
  t.equal(protectedHeader['x5t#S256'], Buffer.from(thumbprint, 'hex').toString('base64url'))
  t.notMatch(logged(), 'PRIVATE KEY')
})

t.test('a certificate and its key, in either order; nothing else', async (t) => {
  const [rsa, other, ec] = [await clientCertificate(), await clientCertificate(), await clientCertificate('ec')]
  for (const pem of [rsa.pem, `${rsa.certificate}\n${rsa.privateKey}`])
    t.match(downstreamOf({ clientCertificate: pem }).credential, {
      initial: [{ clientCertificate: { privateKey: /PRIVATE KEY/ } }]
    })
  const bad = {
    'without a key': rsa.certificate,
    'without a certificate': rsa.privateKey,
    'the key of another': `${rsa.certificate}\n${other.privateKey}`,
    'another kind of key': ec.pem
  }
  for (const [name, pem] of Object.entries(bad))
    t.throws(
      () => downstreamOf({ clientCertificate: pem }),
      { message: /^downstream.clientCertificate cannot be used/ },
      name
    )
})
