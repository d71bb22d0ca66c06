/** The log warns before a certificate expires: once a day at most. */
import t from 'tap'
import { credentialOf } from '../../../src/plugin/downstream/credential.js'
import { CredentialSource } from '../../../src/plugin/downstream/credential-source.js'
import { clientCertificate } from '../../support/certificate.js'
import { FakeClock } from '../../support/clock.js'
import { recordingLogger } from '../../support/log.js'

const day = 86_400_000
const certificateFor = async (days: number) => (await clientCertificate('rsa', (days + 0.5) * day)).pem

function setUp(clientCertificate: string | string[]) {
  const [clock, log] = [new FakeClock(), recordingLogger()]
  const source = new CredentialSource(credentialOf({ clientCertificate }, undefined), { clock, log, timeoutSeconds: 5 })
  return { clock, log, source }
}

t.test('by how long it is still valid', async (t) => {
  const rows: [days: number, level?: string, message?: string][] = [
    [30],
    [29, 'warn', 'the certificate of this API expires within 30 days'],
    [7, 'warn', 'the certificate of this API expires within 30 days'],
    [6, 'error', 'the certificate of this API expires within a week'],
    [0, 'error', 'the certificate of this API expires within a week'],
    [-1, 'error', 'the certificate of this API has expired']
  ]
  for (const [days, level, message] of rows) {
    const { log } = setUp(await certificateFor(days))
    t.match(
      log.lines,
      level ? [{ level, message, details: { days, expires: /^\d{4}-\d\d-\d\dT/ } }] : [],
      `${days} days`
    )
    t.equal(log.lines.length, level ? 1 : 0)
  }
})

t.test('at registration, and then when it is used: once a day', async (t) => {
  const { clock, log, source } = setUp(await certificateFor(20))
  await source.proofs()
  t.equal(log.lines.length, 1)
  await clock.advance(day - 1)
  await source.proofs()
  t.equal(log.lines.length, 1)
  await clock.advance(1)
  await source.proofs()
  await source.proofs()
  t.equal(log.lines.length, 2)
})

t.test('of two the one that is valid longer counts; a secret shows no expiry', async (t) => {
  const { log } = setUp([await certificateFor(3), await certificateFor(100)])
  const secret = credentialOf({ clientSecret: 'secret' }, undefined)
  await new CredentialSource(secret, { clock: new FakeClock(), log, timeoutSeconds: 5 }).proofs()
  t.same(log.lines, [])
})
