/** The checks of the way to the tenant: the proxy, and the certificate authorities. */
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { proxyInWords } from '../../lib/proxies.js'
import type { Settings } from '../../options.js'
import type { World } from '../outcome.js'
import { type Diagnosis, ok, wrong, wrongBecause } from './diagnosis.js'

/** Which proxy requests to each origin use; never with its user and password. */
export function checkProxy({ issuers, insecureHttpHosts }: Settings, env: World['env']): readonly Diagnosis[] {
  try {
    return [...new Set(issuers.map(({ url }) => new URL(url).origin))].map((origin) => {
      const proxy = proxyInWords(new URL(origin), env, insecureHttpHosts)
      return ok('proxy', `${origin} ${proxy === undefined ? 'without a proxy' : `through the proxy ${proxy}`}`)
    })
  } catch (error) {
    return [wrongBecause('proxy', error)]
  }
}

/** Node.js reads the file of `NODE_EXTRA_CA_CERTS` when it starts, and only warns if it cannot (Node: "Command-line API"). */
export function checkAuthorities({ NODE_EXTRA_CA_CERTS: file }: World['env']): Diagnosis {
  if (!file) return ok('authorities', 'those of Node.js; NODE_EXTRA_CA_CERTS adds none')
  try {
    const { subject } = new X509Certificate(readFileSync(file))
    return ok('authorities', `those of Node.js, and NODE_EXTRA_CA_CERTS: ${subject.replaceAll('\n', ', ')}`)
  } catch {
    const found = 'NODE_EXTRA_CA_CERTS names a file that cannot be read as a certificate, so Node.js ignores it'
    return wrong('authorities', found, 'give the path of a PEM file with the certificate of the authority')
  }
}
