/** deploy/compose: `docker-compose` accepts the file, the server its variables, and it holds no secret. */
import { readFile } from 'node:fs/promises'
import t from 'tap'
import { toSettings } from '../../src/plugin/options.js'
import { readConfig } from '../../src/server/config/config.js'
import { skipWithout } from '../support/programs.js'
import { composed, composeFile, ownValues, serverVariables } from './files.js'
import { readRealm } from './realm.js'

const needsCompose = { skip: skipWithout('docker-compose') }
const exampleFile = 'deploy/compose/.env.example'

t.test('docker-compose accepts it, and only with its secrets', needsCompose, async (t) => {
  const { services } = composed()
  t.same(Object.keys(services).sort(), ['api', 'keycloak', 'redis'])
  t.throws(() => composed({ ...ownValues, REDIS_PASSWORD: '' }), /REDIS_PASSWORD/)
})

t.test('the server knows each variable, and trusts the realm', needsCompose, async (t) => {
  const { services } = composed()
  const { environment } = services.api
  const known = await serverVariables()
  t.ok(known.includes('REDIS_URL'))
  t.same(
    Object.keys(environment).filter((name) => !known.includes(name)),
    []
  )
  t.throws(() => readConfig({ ...environment, OIDC_METADATA_ULR: 'x' }), /OIDC_METADATA_URL/)
  const config = readConfig(environment)
  const { issuers, insecureHttpHosts } = toSettings(config.entra)
  const [{ issuer, url, endpointsOrigin }] = issuers
  t.equal(issuer, `${services.keycloak.environment.KC_HOSTNAME}/realms/shop`)
  t.equal(endpointsOrigin, services.keycloak.environment.KC_HOSTNAME)
  t.equal(url, 'http://keycloak:8080/realms/shop/.well-known/openid-configuration')
  t.strictSame([...insecureHttpHosts], ['keycloak:8080'])
  t.strictSame(config.redis, { host: 'redis', port: 6379, db: 0, password: ownValues.REDIS_PASSWORD })
  t.ok(services.redis.command?.includes(ownValues.REDIS_PASSWORD), 'Redis has that password')
  const realm = await readRealm('deploy/compose/realm.json', services.keycloak.environment)
  t.ok(realm.clients.some(({ clientId }) => clientId === environment.OIDC_AUDIENCE))
  t.match(
    realm.clients.find(({ clientId }) => clientId === config.docsClientId),
    { redirectUris: ['http://localhost:3000/docs/static/oauth2-redirect.html'], publicClient: true }
  )
})

t.test('what a container may do, and who reaches it', needsCompose, async (t) => {
  const { services, networks } = composed()
  const dockerfile = await readFile('Dockerfile', 'utf8')
  for (const [name, service] of Object.entries(services)) {
    t.strictSame(service.cap_drop, ['ALL'], name)
    t.strictSame(service.security_opt, ['no-new-privileges:true'], name)
    t.ok(service.healthcheck.test.length > 0 && service.mem_limit, name)
    t.match(service.image ?? 'built:0', /:\d/, `${name} has a version`)
    for (const port of service.ports ?? []) t.match(port, /^127\.0\.0\.1:/, name)
  }
  t.ok(services.api.read_only && services.redis.read_only)
  t.match(dockerfile, /^USER 1000$/m)
  t.strictSame(services.api.ports, [`127.0.0.1:3000:${/^EXPOSE (\d+)$/m.exec(dockerfile)?.[1]}/tcp`])
  t.notOk(services.redis.ports)
  t.strictSame(Object.keys(services.redis.networks), ['revocations'])
  t.equal(networks.revocations?.internal, true)
  t.notOk(services.keycloak.networks.revocations !== undefined, 'Keycloak does not reach Redis')
})

t.test('no secret is in a file', async (t) => {
  const [compose, example, realm] = await Promise.all(
    [composeFile, exampleFile, 'deploy/compose/realm.json'].map((path) => readFile(path, 'utf8'))
  )
  const placeholders = [...String(compose).matchAll(/\$\{(\w+)/g)].map(([, name = '']) => name)
  const names = Object.keys(ownValues)
  t.same([...new Set(placeholders)].sort(), [...names].sort())
  t.same(
    [...String(example).matchAll(/^(\w+)=(.*)$/gm)].map(([, name, value]) => [name, value]),
    names.map((name) => [name, ''])
  )
  for (const name of names) t.notMatch(compose, `\${${name}}`, 'docker-compose refuses an empty one')
  for (const [line, name] of String(compose).matchAll(/^ +(\w*(?:PASSWORD|SECRET|AUTH)\w*): .*$/gm))
    t.match(line, /: \$\{\w+:\?\}$/, String(name))
  for (const [line, , value] of String(realm).matchAll(/"(secret|value)": "(.*)"/g)) t.match(value, /^\$\{\w+\}$/, line)
  t.match(await readFile('.gitignore', 'utf8'), /^\.env$/m)
})
