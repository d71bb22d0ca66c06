/** examples/keycloak: `docker-compose` accepts the file, and the server its variables. */
import { execFileSync } from 'node:child_process'
import t from 'tap'
import { parse } from 'yaml'
import { toSettings } from '../../src/plugin/options.js'
import { readConfig } from '../../src/server/config/config.js'
import { skipWithout } from '../support/programs.js'

interface Service {
  readonly environment: Readonly<Record<string, string>>
  readonly networks: object
}

t.test('one provider under two names', { skip: skipWithout('docker-compose') }, async (t) => {
  const env = { ...process.env, PUBLIC_NAME: 'id.shop.example' }
  const text = execFileSync('docker-compose', ['-f', 'examples/keycloak/compose.yaml', 'config'], { env })
  const { services } = parse(text.toString()) as { services: Record<'api' | 'keycloak', Service> }
  const { issuers, insecureHttpHosts, warnings } = toSettings(readConfig(services.api.environment).entra)
  const [{ issuer, url, endpointsOrigin }] = issuers
  t.equal(issuer, `${services.keycloak.environment.KC_HOSTNAME}/realms/shop`)
  t.equal(issuer, 'https://id.shop.example/realms/shop')
  t.equal(endpointsOrigin, 'https://id.shop.example')
  t.equal(url, 'http://keycloak:8080/realms/shop/.well-known/openid-configuration')
  t.strictSame([...insecureHttpHosts], ['keycloak:8080'])
  t.match(warnings, [/plain http from keycloak:8080/])
  t.strictSame(Object.keys(services.api.networks), Object.keys(services.keycloak.networks))
})
