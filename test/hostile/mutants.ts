/**
 * Every check of the library, taken out in turn. A check that is made twice, here and in a library, is taken out in both
 * places: what must be seen is that the rule is gone.
 */
import type { Change } from '../support/compile.js'
import type { TableName } from './tables.js'

export interface Mutant {
  readonly name: string
  /** What the rule of a row that finds it begins with. */
  readonly rule: string
  readonly table: TableName
  /** Below `src`. */
  readonly edits: readonly Change[]
}

function mutant(name: string, table: TableName, rule: string, ...edits: readonly Change[]): Mutant {
  return { name, table, rule, edits: edits.map(([file, ...edit]) => [`plugin/${file}`, ...edit]) }
}

const requireClaim = "requiredClaims = ['iss', 'exp']"
const entraClaims = "entraClaims = ['aud', 'iat', 'sub', 'tid', 'ver']"
const parameters = "['crit', 'b64', 'jwk', 'enc', 'zip']"
const strictParameters = "['jku', 'x5u', 'x5c', 'cty']"
/** The list without one. */
const without = (list: string, name: string): Change => [
  'verification/jose-header',
  list,
  list.replace(new RegExp(`'${name}', |, '${name}'`), '')
]
const keyOfAnyAlgorithm: Change = [
  'keys/key-index',
  '?.find(({ algorithms }) => algorithms.some((name) => name === alg))',
  '?.[0]'
]
const anyOfSeveral: Change = ['keys/key-index', 'known?.pem === key.pem ? known : undefined', 'known']
const exactIssuer = 'return this.#exactly(iss, claims) ?? '
const agentIds = 'Microsoft: Token claims reference for agent IDs'
const idToken =
  "(!mayHaveNonce && 'nonce' in claims) || 'at_hash' in claims || 'c_hash' in claims || 'events' in claims"

const bearer: readonly Mutant[] = [
  mutant('several headers', 'transport', 'RFC 9110 §5.3 Authorization is no list', [
    'verification/bearer',
    'if (value !== undefined) return repeated',
    ''
  ]),
  mutant('several headers, the first counts', 'transport', 'RFC 9110 §5.3 Authorization is no list', [
    'verification/bearer',
    'return repeated',
    'break'
  ]),
  mutant('headers that Node dropped', 'transport', 'RFC 9110 §5.3 Authorization is no list, nor beyond', [
    'verification/bearer',
    'if (rawHeaders.length >= bound) return tooMany',
    ''
  ]),
  mutant('the bound of a server without one', 'transport', 'RFC 9110 §5.3 Authorization is no list, nor beyond', [
    'verification/bearer',
    'const keptByDefault = 2000',
    'const keptByDefault = 4000'
  ]),
  mutant('the end of the scheme', 'transport', 'RFC 9110 §11.1 another scheme', [
    'verification/bearer',
    "/^bearer(?![!#$%&'*+.^_`|~0-9a-z-])/i",
    '/^bearer/i'
  ]),
  mutant('the case of the scheme', 'transport', 'control: RFC 9110 §11.1 the scheme has no case', [
    'verification/bearer',
    '=*)$/i',
    '=*)$/'
  ]),
  mutant('one space', 'transport', 'RFC 6750 §2.1 Bearer, one space', [
    'verification/bearer',
    '/^bearer ([',
    '/^bearer\\s+(['
  ]),
  mutant('the alphabet of b64token', 'structure', 'RFC 6750 §2.1 b64token', [
    'verification/bearer',
    '([A-Za-z0-9._~+/-]+=*)',
    '(\\S.*)'
  ]),
  mutant('the end of the header', 'transport', 'RFC 6750 §2.1 Bearer, one space', [
    'verification/bearer',
    '=*)$/i',
    '=*)/i'
  ]),
  mutant('another header', 'transport', 'RFC 6750 §2.1 the Authorization header and no other', [
    'verification/bearer',
    "if (name?.length !== 13 || name.toLowerCase() !== 'authorization') continue",
    "if (!name?.toLowerCase().endsWith('authorization')) continue"
  ])
]

const header: readonly Mutant[] = [
  mutant('canonical base64url', 'structure', 'RFC 4648 §3.5 unused bits are zero', [
    'verification/decode',
    'isCanonical(signature) && ',
    ''
  ]),
  mutant('one name, one member: header', 'structure', 'RFC 7515 §4 names of header parameters are unique', [
    'verification/decode',
    'headerText === undefined || hasOneReading(headerText, header)',
    'true'
  ]),
  mutant('one name, one member: payload', 'structure', 'RFC 7519 §4 names of claims are unique', [
    'verification/decode',
    ' && hasOneReading(payloadText, payload)',
    ''
  ]),
  mutant(
    'alg',
    'header',
    'RFC 8725 §3.1 only the algorithm of the API',
    [
      'verification/jose-header',
      "if (typeof header.alg !== 'string' || !algorithms.includes(header.alg))\n    return header.alg === 'Ed25519' && algorithms.includes('EdDSA') ? newName : wrongAlgorithm",
      ''
    ],
    ['verification/signature', 'algorithms: [...algorithms],', ''],
    keyOfAnyAlgorithm
  ),
  mutant('typ', 'header', 'RFC 8725 §3.11 explicit types', [
    'verification/jose-header',
    "if (!accessTokenTypes.has(typeof header.typ === 'string' ? header.typ.toLowerCase() : header.typ)) return wrongType",
    ''
  ]),
  mutant('typ, any with JWT at its end', 'header', 'RFC 8725 §3.11 explicit types', [
    'verification/jose-header',
    'if (!accessTokenTypes.has(',
    "if (!String(header.typ).toLowerCase().endsWith('jwt') && !accessTokenTypes.has("
  ]),
  mutant('crit', 'header', 'RFC 7515 §4.1.11 crit', without(parameters, 'crit')),
  mutant('b64', 'header', 'RFC 7797 §6 b64', without(parameters, 'b64')),
  mutant('jwk', 'header', 'RFC 8725 §3.10 no key out of the token, jwk', without(parameters, 'jwk')),
  ...['jku', 'x5u', 'x5c'].map((name) =>
    mutant(
      name,
      'header',
      `RFC 8725 §3.10 no key ${name === 'x5c' ? 'out of the token' : 'from where the token says'}, ${name}`,
      without(strictParameters, name)
    )
  ),
  ...['enc', 'zip'].map((name) => mutant(name, 'header', 'RFC 7516 §4.1, RFC 7519 §5.2', without(parameters, name))),
  mutant('cty', 'header', 'RFC 7516 §4.1, RFC 7519 §5.2', without(strictParameters, 'cty')),
  mutant('depth', 'structure', 'RFC 8259 §9 a limit to depth', [
    'verification/json-members',
    'depth > maxDepth || ',
    ''
  ]),
  mutant('depth, of objects', 'structure', 'RFC 8259 §9 a limit to depth', [
    'verification/json-members',
    'case openBrace:\n      case openBracket:\n        depth += 1',
    'case openBrace:\n      case openBracket:\n        depth += json[at] === "{" ? 0 : 1'
  ]),
  mutant('depth, side by side', 'structure', 'control: what JSON and JWS allow', [
    'verification/json-members',
    'depth -= 1',
    ''
  ]),
  mutant('size', 'structure', 'RFC 8259 §9 a limit to size', [
    'verification/json-members',
    ' || structural > maxStructural',
    ''
  ]),
  mutant('size, members', 'structure', 'RFC 8259 §9 a limit to size', [
    'verification/json-members',
    'members > maxMembers || ',
    ''
  ]),
  mutant('size, elements', 'structure', 'RFC 8259 §9 a limit to size', [
    'verification/json-members',
    'case comma:\n        structural += 1',
    'case comma:'
  ]),
  mutant('size, lists and objects', 'structure', 'RFC 8259 §9 a limit to size', [
    'verification/json-members',
    'depth += 1\n        structural += 1',
    'depth += 1'
  ]),
  mutant('depth and size, in strings', 'structure', 'control: what JSON and JWS allow', [
    'verification/json-members',
    'at = endOfString(json, at)\n        if (at === -1) return members\n        break',
    'break'
  ]),
  mutant('UTF-8', 'structure', 'RFC 7519 §7.2 the payload is UTF-8', [
    'verification/json-segment',
    'isUtf8(bytes) && ',
    ''
  ]),
  mutant('falsy header parameters', 'header', 'RFC 7515 §4.1.11 crit', [
    'verification/jose-header',
    '(name: Parameter) => Object.hasOwn(header, name)',
    '(name: Parameter) => header[name]'
  ]),
  mutant(
    'the type of kid',
    'header',
    'RFC 7515 §4.1.4 kid names one published key',
    [
      'verification/jose-header',
      "if (typeof header.kid !== 'string' && (isStrict || Object.hasOwn(header, 'kid'))) return unnamedKey",
      ''
    ],
    ['verification/jose-header', "kid: typeof kid === 'string' ? kid : undefined", 'kid: String([kid].flat()[0])']
  ),
  mutant(
    'kid is there',
    'header',
    'RFC 7515 §4.1.4 kid names one published key',
    ['verification/jose-header', "(isStrict || Object.hasOwn(header, 'kid'))", "Object.hasOwn(header, 'kid')"],
    anyOfSeveral
  ),
  mutant('kid, any key will do', 'header', 'RFC 7515 §4.1.4 kid names one published key', [
    'keys/key-store',
    'return held.find(kid, alg) ?? this.#ask',
    'return held.find(kid, alg) ?? held.set.keys[0] ?? this.#ask'
  ]),
  ...['exp', 'nbf', 'iat'].map((name) =>
    mutant(`${name} is a time`, 'claims', `RFC 7519 §2 NumericDate, ${name}`, [
      'verification/jose-header',
      '[payload.exp, payload.nbf, payload.iat]',
      `[${['exp', 'nbf', 'iat']
        .filter((each) => each !== name)
        .map((each) => `payload.${each}`)
        .join()}]`
    ])
  ),
  mutant('a time is a number', 'claims', 'RFC 7519 §2 NumericDate', [
    'verification/jose-header',
    "typeof value === 'number' && value >= 0 && value <= maxSeconds",
    'Number(value) >= 0 && Number(value) <= maxSeconds'
  ]),
  mutant('a time is not negative', 'claims', 'RFC 7519 §2 NumericDate', [
    'verification/jose-header',
    'value >= 0 && ',
    ''
  ]),
  mutant('a time is a date', 'claims', 'RFC 7519 §2 NumericDate', [
    'verification/jose-header',
    ' && value <= maxSeconds',
    ''
  ])
]

const keys: readonly Mutant[] = [
  mutant('use', 'signature', 'RFC 7517 §4.2 use', ['keys/jwks', "use === 'sig' &&", '']),
  mutant('key_ops', 'signature', 'RFC 7517 §4.3 key_ops', ['keys/jwks', "key_ops.includes('verify') &&", '']),
  mutant('alg of a key', 'signature', 'RFC 7517 §4.4 alg of a key', [
    'keys/jwks',
    'return alg === undefined ? able : able.filter((name) => name === alg)',
    'return able'
  ]),
  mutant('published private keys', 'signature', 'RFC 7517 §9.2 a private key is private', [
    'keys/jwks',
    '!secretMembers.some((name) => Object.hasOwn(entry, name))',
    'true'
  ]),
  mutant('two keys under one kid', 'signature', 'RFC 7517 §4.5 kid tells keys apart', [
    'keys/jwks',
    'others.every(({ key }) => isSame(first, key))',
    'isSame(first, first) || others'
  ]),
  mutant('an empty kid', 'signature', 'RFC 7517 §4.5 a kid that can be a name', ['keys/jwks', 'kid.length > 0 &&', '']),
  mutant('a long kid', 'signature', 'RFC 7517 §4.5 a kid that can be a name', [
    'keys/jwks',
    'kid.length <= maxKidLength &&',
    ''
  ]),
  mutant('bits of a key', 'signature', 'RFC 7518 §3.3 a key of 2048 bits', [
    'keys/jwks',
    'Number(details?.modulusLength) >= minModulusBits && ',
    ''
  ]),
  mutant('the exponent of a key', 'signature', 'FIPS 186-5 A.1.1', [
    'keys/jwks',
    ' && Number(details?.publicExponent) >= minExponent',
    ''
  ]),
  mutant('withdrawn keys', 'signature', 'Microsoft: signing keys roll over', [
    'keys/key-store',
    'new KeyIndex(reuseUnchangedKeys(set, before?.set))',
    'new KeyIndex({ ...set, keys: [...(before?.set.keys ?? []), ...set.keys] })'
  ]),
  mutant('keys of the other issuer', 'signature', 'RFC 8725 §3.8 only keys that the issuer publishes', [
    'issuers/trusted-issuers',
    'if (issuer) return this.#answer(issuer, iss, issuer.keys.find(kid, alg), claims)',
    'if (issuer) return this.#answer(issuer, iss, (this.all[0] as Issuer).keys.find(kid, alg), claims)'
  ]),
  mutant('a signature that fits', 'signature', 'RFC 7515 §5.2 signed by the key that kid names', [
    'verification/verify',
    'forgeries.note(error)\n  return explain(error, decoded)',
    "const why = explain(error, decoded)\n  return why.code === 'invalid_signature' ? undefined : why"
  ]),
  mutant('a signature that was tried, by another key', 'signature', 'RFC 7515 §5.2 signed by the key that kid names', [
    'verification/verify',
    'tried?.key === key ? tried : tryKey(token, key, checkSignature)',
    '{ payload: tried?.payload ?? {}, error: undefined }'
  ]),
  mutant('a known header, any other is taken for it', 'header', 'RFC 7515 §4.1.11 crit', [
    'verification/known-headers',
    'return this.#headers.get(segment)',
    'return this.#headers.get(segment) ?? [...this.#headers.values()][0]'
  ])
]

const tenant: readonly Mutant[] = [
  mutant('iss, the beginning is enough', 'claims', 'RFC 7519 §4.1.1 iss is the issuer, character by character', [
    'issuers/trusted-issuers',
    exactIssuer,
    "return this.all.find(({ name = '-' }) => iss.startsWith(name)) ?? "
  ]),
  mutant('iss, its case', 'claims', 'RFC 7519 §4.1.1 iss is the issuer, character by character', [
    'issuers/trusted-issuers',
    exactIssuer,
    'return this.all.find(({ name }) => name === iss.toLowerCase()) ?? '
  ]),
  mutant(
    'iss, an array of one',
    'claims',
    'RFC 7519 §4.1.1 iss',
    ['issuers/trusted-issuers', "if (typeof iss !== 'string') return this.#wrongIssuer()", ''],
    ['issuers/trusted-issuers', exactIssuer, 'return this.all.find(({ name }) => name === String(iss)) ?? ']
  ),
  mutant('tid', 'claims', 'Microsoft: tid is the tenant of the issuer', [
    'entra/checks',
    "if (typeof tid !== 'string' || !isTenantId(tid) || tenantIdOf(asText(iss)) !== tid || hasOtherTid(claims))",
    "if (typeof tid !== 'string')"
  ]),
  mutant('TID', 'claims', 'Microsoft: one tid, by one name', ['entra/checks', ' || hasOtherTid(claims)', '']),
  mutant('tid against iss', 'claims', 'Microsoft: tid is the tenant of the issuer', [
    'entra/checks',
    ' || tenantIdOf(asText(iss)) !== tid',
    ''
  ]),
  mutant('ver', 'claims', 'Microsoft: ver goes with the issuer', [
    'entra/checks',
    "if (ver !== rules.version) return refusal('wrong_version')",
    ''
  ]),
  mutant('the issuer of a key', 'signature', 'Microsoft: validate the signing key issuer', [
    'entra/checks',
    "if (!keyFits(key, asText(iss), asText(tid), rules.version)) return refusal('wrong_key_issuer')",
    ''
  ]),
  mutant('the issuer of a key, v1', 'signature', 'Microsoft: validate the signing key issuer', [
    'entra/checks',
    "(version === '1.0' && tenantIdOf(concrete) === tid)",
    "version === '1.0'"
  ]),
  mutant('the template of a key', 'signature', 'control: Microsoft, the issuer of a key', [
    'entra/checks',
    'issuer.replaceAll(tenantPlaceholder, tid)',
    'issuer'
  ]),
  mutant('sub', 'claims', 'RFC 7519 §4.1.2 sub', ['issuers/common-checks', 'text(sub) === undefined', 'false']),
  mutant('sub, empty', 'claims', 'RFC 7519 §4.1.2 sub', [
    'issuers/common-checks',
    'text(sub) === undefined',
    "typeof sub !== 'string'"
  ]),
  mutant('exp is required', 'claims', 'Microsoft: every access token has exp', [
    'claims/read',
    requireClaim,
    requireClaim.replace(", 'exp'", '')
  ]),
  ...['aud', 'iat', 'sub', 'tid', 'ver'].map((name) =>
    mutant(`${name} is required`, 'claims', `Microsoft: every access token has ${name}`, [
      'entra/checks',
      entraClaims,
      entraClaims.replace(`'${name}', `, '').replace(`, '${name}'`, '')
    ])
  ),
  mutant('aud', 'claims', 'RFC 7519 §4.1.3 aud is this API', [
    'entra/checks',
    'audienceRefusal(claims.aud, audiences, accepts, detailOf)',
    'undefined'
  ]),
  mutant('aud, the beginning is enough', 'claims', 'RFC 7519 §4.1.3 aud is this API', [
    'entra/checks',
    'if (audiences.includes(value)) return true',
    'if (audiences.some((each) => value.startsWith(each))) return true'
  ]),
  mutant('aud, its case', 'claims', 'RFC 7519 §4.1.3 aud is this API', [
    'entra/checks',
    'if (audiences.includes(value)) return true',
    'if (audiences.includes(value.toLowerCase())) return true'
  ]),
  mutant('aud, a slash in v2', 'claims', 'RFC 7519 §4.1.3 aud is this API', [
    'entra/checks',
    "if (version !== '1.0') return false",
    ''
  ]),
  mutant('aud, a slash after the client ID', 'claims', 'Microsoft: aud of a v1 token is an App ID URI', [
    'entra/checks',
    "audience.includes('://') && ",
    ''
  ]),
  mutant('aud, more than one slash', 'claims', 'Microsoft: aud of a v1 token is an App ID URI', [
    'entra/checks',
    "uri.endsWith('/') ? uri.slice(0, -1) : uri",
    "uri.replace(/[/]+$/, '')"
  ]),
  mutant(
    'aud, a value that is shown',
    'claims',
    'RFC 7519 §4.1.3 aud is this API',
    ['claims/audience', 'value.slice(0, 100)', 'value'],
    ['refusals/challenge', ".replace(/[^\\x20-\\x5b\\x5d-\\x7e]/g, '?')", ''],
    ['claims/audience', ".replace(/[^\\x20-\\x21\\x23-\\x5b\\x5d-\\x7e]/g, '?')", '']
  ),
  mutant('aud, an array', 'claims', 'control: RFC 7519 §4.1.3 aud', [
    'claims/audience',
    'Array.isArray(aud) ? aud : [aud]',
    '[aud]'
  ]),
  mutant('an ID token, nonce', 'claims', 'OpenID Connect Core §2 an ID token opens no API, nonce', [
    'claims/other-tokens',
    idToken,
    "'at_hash' in claims || 'c_hash' in claims || 'events' in claims"
  ]),
  mutant('an ID token, at_hash', 'claims', 'OpenID Connect Core §3.3.2.11 an ID token opens no API, at_hash', [
    'claims/other-tokens',
    idToken,
    "(!mayHaveNonce && 'nonce' in claims) || 'c_hash' in claims || 'events' in claims"
  ]),
  mutant('an ID token, c_hash', 'claims', 'OpenID Connect Core §3.3.2.11 an ID token opens no API, c_hash', [
    'claims/other-tokens',
    idToken,
    "(!mayHaveNonce && 'nonce' in claims) || 'at_hash' in claims || 'events' in claims"
  ]),
  mutant('a security event', 'claims', 'RFC 8417 §2.2 a security event opens no API', [
    'claims/other-tokens',
    idToken,
    "(!mayHaveNonce && 'nonce' in claims) || 'at_hash' in claims || 'c_hash' in claims"
  ]),
  mutant('the client is named', 'claims', 'Microsoft: an access token names its client', [
    'entra/checks',
    "text(ver === '1.0' ? appid : azp)",
    "String(ver === '1.0' ? appid : azp)"
  ]),
  mutant('azp goes with v2', 'claims', 'Microsoft: an access token names its client', [
    'entra/checks',
    "ver === '1.0' ? appid : azp",
    'azp ?? appid'
  ]),
  mutant('cnf', 'claims', 'RFC 7800 §3 a bound token is no bearer token', [
    'issuers/common-checks',
    "cnf === undefined ? undefined : refusal('bound_token')",
    'undefined'
  ]),
  mutant('clients that are allowed', 'claims', 'Microsoft: azp, appid; only the clients that are allowed', [
    'issuers/common-checks',
    'clientRefusal(asText(clientOf(claims)), allowedClients)',
    'undefined'
  ])
]

const oidc: readonly Mutant[] = [
  mutant(
    'an algorithm goes with its key',
    'oidc',
    'RFC 8725 §3.1 an algorithm goes with its key',
    ['verification/signature', 'algorithms: [...algorithms],', ''],
    keyOfAnyAlgorithm
  ),
  mutant('keys of two kinds under one kid', 'oidc', 'control: RFC 7517 §4.5 keys of two kinds', keyOfAnyAlgorithm),
  mutant('two keys of one kind under one kid', 'oidc', 'RFC 7517 §4.5 kid tells keys of one kind apart', [
    'keys/jwks',
    'others.every(({ key }) => isSame(first, key))',
    'isSame(first, first) || others'
  ]),
  mutant('one key for each kind and kid', 'oidc', 'control: RFC 7517 §4.5 keys of two kinds', [
    'keys/jwks',
    'kid === undefined ? pem :',
    'kid ??'
  ]),
  mutant('one key, listed for each of its algorithms', 'oidc', 'control: RFC 7517 §4.4 one key, listed', [
    'keys/jwks',
    'algorithmNames.filter((name) => able.includes(name))',
    '[...(able.slice(0, 1))]'
  ]),
  mutant('null members', 'oidc', 'control: a member of a key that is null', [
    'keys/jwks',
    'filter(([, value]) => value !== null)',
    'filter(() => true)'
  ]),
  ...['crit', 'b64', 'jwk', 'enc', 'zip'].map((name) =>
    mutant(
      `${name}, another provider`,
      'oidc',
      `RFC 7515 §4.1.11, RFC 8725 §3.10, RFC 7516 §4.1 refused of every issuer, ${name}`,
      without(parameters, name)
    )
  ),
  mutant('a nested token, another provider', 'oidc', 'RFC 7519 §5.2 a nested token, another provider', [
    'verification/jose-header',
    "typeof cty === 'string' && nestedType.test(cty.trim()) ? 'cty' : undefined",
    'undefined'
  ]),
  ...['jku', 'x5u', 'x5c'].map((name) =>
    mutant(
      `${name} is ignored, another provider`,
      'oidc',
      `control: RFC 7515 §4.1 a reference to the key is ignored, ${name}`,
      ['verification/jose-header', 'if (isStrict) return', `if (isStrict || isThere('${name}')) return`]
    )
  ),
  mutant('without kid, any of several', 'oidc', 'OpenID Connect Core §10.1 without kid, only where', anyOfSeveral),
  mutant('without kid, the type of kid', 'oidc', 'OpenID Connect Core §10.1 without kid, only where', [
    'verification/jose-header',
    " && (isStrict || Object.hasOwn(header, 'kid'))",
    ' && isStrict'
  ]),
  mutant('without kid, the key that fits', 'oidc', 'control: OpenID Connect Core §10.1 without kid', [
    'keys/key-index',
    'if (kid === undefined) return this.#only.get(alg)',
    'if (kid === undefined) return undefined'
  ]),
  mutant('the curve of a key', 'oidc', 'RFC 8725 §3.1 an algorithm goes with its key', [
    'keys/jwks',
    'curve.kty === kty && curve.crv === crv',
    'curve.kty === kty'
  ]),
  mutant('alg of a key, another provider', 'oidc', 'RFC 7517 §4 a key for another use, another provider', [
    'keys/jwks',
    'return alg === undefined ? able : able.filter((name) => name === alg)',
    'return able'
  ]),
  ...['nonce', 'at_hash', 'c_hash'].map((name) =>
    mutant(`${name}, another provider`, 'oidc', 'OpenID Connect Core §2 an ID token of another provider', [
      'claims/other-tokens',
      name === 'nonce' ? `!mayHaveNonce && 'nonce' in claims` : `'${name}' in claims`,
      'false'
    ])
  ),
  mutant('an access token says so', 'oidc', 'OpenID Connect Core §2 an ID token of another provider', [
    'oidc/checks',
    'return saysSo || ',
    'return true || saysSo || '
  ]),
  mutant('an access token says nothing else', 'oidc', 'OpenID Connect Core §2 an ID token of another provider', [
    'oidc/checks',
    'if (saysOther) return false',
    ''
  ]),
  mutant('aud, another provider', 'oidc', 'RFC 7519 §4.1.3 aud is this API, another provider', [
    'oidc/checks',
    'audienceRefusal(aud, audiences, (value) => audiences.includes(value), accountDetail)',
    'undefined'
  ]),
  mutant(
    'aud, the beginning is enough, another provider',
    'oidc',
    'RFC 7519 §4.1.3 aud is this API, another provider',
    ['oidc/checks', 'audiences.includes(value)', 'audiences.some((each) => value.startsWith(each))']
  ),
  mutant('a subject or a client', 'oidc', 'RFC 9068 §4 what every access token has', [
    'oidc/checks',
    'subjectOf(claims, provider) === undefined',
    'false'
  ]),
  mutant('cnf, another provider', 'oidc', 'RFC 7800 §3 a bound token is no bearer token, another provider', [
    'issuers/common-checks',
    "cnf === undefined ? undefined : refusal('bound_token')",
    'undefined'
  ]),
  mutant('an actor that is not shown', 'oidc', 'RFC 8693 §4.1 act identifies the actor', [
    'oidc/checks',
    'actorsOf(claims) ? undefined : unreadableActor',
    'undefined'
  ]),
  mutant('sub of an actor', 'oidc', 'RFC 8693 §4.1 act identifies the actor', [
    'claims/actors',
    'subject === undefined || ',
    ''
  ]),
  mutant('iss of an actor', 'oidc', 'RFC 8693 §4.1 act identifies the actor', [
    'claims/actors',
    ' || (isSent(iss) && issuer === undefined)',
    ''
  ]),
  mutant('prior actors', 'oidc', 'RFC 8693 §4.1 act identifies the actor', [
    'claims/actors',
    "next = ownMember(Object(next), 'act')",
    'next = undefined'
  ]),
  mutant('the number of actors', 'oidc', 'RFC 8693 §4.1 act identifies the actor', [
    'claims/actors',
    ' || actors.length === maxActors',
    ''
  ]),
  mutant('rights of the actor', 'oidc', 'RFC 8693 §4.1 rights of the actor are not', [
    'oidc/principal',
    'const { scope, scp } = claims\n',
    'const { scope, scp } = { ...claims, ...(claims.act as object) }\n'
  ]),
  mutant('clients, another provider', 'oidc', 'only the clients that are allowed, another provider', [
    'issuers/common-checks',
    'clientRefusal(asText(clientOf(claims)), allowedClients)',
    'undefined'
  ]),
  mutant('an app is its client', 'oidc', 'RFC 9068 §2.2 a user is no app, another provider', [
    'oidc/provider',
    'return sub === client_id && ',
    'return '
  ]),
  mutant('an app is its client alone', 'oidc', 'RFC 9068 §2.2 a user is no app, another provider', [
    'oidc/provider',
    ' && (text(azp) ?? sub) === sub',
    ''
  ]),
  mutant('nobody signed in for an app', 'oidc', 'RFC 9068 §2.2 a user is no app, another provider', [
    'oidc/provider',
    'text(client_id) === undefined || isSignedIn(claims)',
    'text(client_id) === undefined'
  ]),
  mutant('a grant of a person makes no app', 'oidc', 'RFC 9068 §2.2 a user is no app, another provider', [
    'oidc/provider',
    'said.some((grant) => personsGrant.test(grant)) || (clients.length > 0 && clients.length < said.length)',
    'false'
  ]),
  mutant('any grant of a client makes an app', 'oidc', 'RFC 9068 §2.2 a user is no app, another provider', [
    'oidc/provider',
    ' || (clients.length > 0 && clients.length < said.length)',
    ''
  ]),
  mutant('an ID token of UAA', 'oidc', 'OpenID Connect Core §2 an ID token of another provider', [
    'oidc/checks',
    ' || isIdTokenOfUaa(claims)',
    ''
  ]),
  mutant('a grant of a client makes no user', 'oidc', 'RFC 9068 §2.2 an app is no user, another provider', [
    'oidc/provider',
    "if (obtainedFor !== undefined) return obtainedFor === 'client'",
    "if (obtainedFor === 'person') return false"
  ]),
  mutant('a contradictory caller', 'oidc', 'a token that contradicts itself, another provider', [
    'oidc/checks',
    'claim === undefined ? undefined : contradictoryCaller(claim)',
    'undefined'
  ]),
  ...['Auth0', 'Keycloak'].map((product) =>
    mutant(`the rules of ${product}, another provider`, 'oidc', 'rules of one product are for its own tokens', [
      'oidc/provider',
      'isApp: isClientItself',
      // Provider files import this one, so that their own rules cannot be named here.
      `isApp: (claims) => isClientItself(claims) || ${product === 'Auth0' ? "String(claims.sub).endsWith('@clients')" : "Object.hasOwn(claims, 'clientHost')"}`
    ])
  ),
  mutant('a nonce, another provider', 'oidc', 'OpenID Connect Core §2 an ID token of another provider', [
    'oidc/checks',
    'isOtherToken(claims, saysSo && provider.mayHaveNonce)',
    "isOtherToken(claims, claims.typ === 'Bearer')"
  ]),
  mutant('grants of other products', 'oidc', 'OpenID Connect Core §2 an ID token of another provider', [
    'oidc/checks',
    "['scope', 'scp', 'client_id']",
    "['scope', 'scp', 'client_id', 'cid']"
  ]),
  mutant('scopes of the sign-in', 'oidc', 'a token with neither scopes nor roles, another provider', [
    'oidc/principal',
    '!signInScopes.has(name) && !provider.signInScopes?.has(name)',
    'name !== undefined'
  ]),
  mutant('groups as a grant', 'oidc', 'control: another provider', [
    'verification/admit',
    'groupsAreGrants && groups.length > 0',
    'false'
  ]),
  mutant('permissions, another provider', 'oidc', 'a token with neither scopes nor roles, another provider', [
    'verification/admit',
    'if (!hasPermissions(principal, verification.issuer.settings.profile)) return noPermissions',
    ''
  ])
]

const timesAndPermissions: readonly Mutant[] = [
  mutant(
    'exp',
    'claims',
    'RFC 7519 §4.1.4 exp',
    ['verification/signature', 'algorithms: [...algorithms],', 'algorithms: [...algorithms], ignoreExpiration: true,'],
    ['verification/verify', 'timeRefusal(claims, toleranceSeconds) ??', '']
  ),
  mutant(
    'the tolerance of exp',
    'claims',
    'RFC 7519 §4.1.4 exp',
    [
      'verification/signature',
      'clockTolerance: clockToleranceSeconds * 1000',
      'clockTolerance: clockToleranceSeconds * 1020'
    ],
    ['claims/times', 'now < (asNumber(exp) + toleranceSeconds)', 'now < (asNumber(exp) + toleranceSeconds * 1.1)']
  ),
  mutant('iat', 'claims', 'RFC 7519 §4.1.6 iat', [
    'claims/times',
    'Math.max(asNumber(nbf), asNumber(iat))',
    'asNumber(nbf)'
  ]),
  mutant('the tolerance of iat', 'claims', 'RFC 7519 §4.1.6 iat', [
    'claims/times',
    '(validFrom - toleranceSeconds)',
    '(validFrom - toleranceSeconds * 1.1)'
  ]),
  mutant('no tolerance', 'claims', 'control: RFC 7519 §4.1.4, §4.1.5 inside the tolerance', [
    'verification/signature',
    'clockTolerance: clockToleranceSeconds * 1000',
    'clockTolerance: 0'
  ]),
  mutant(
    'nbf',
    'claims',
    'RFC 7519 §4.1.5 nbf',
    ['verification/signature', 'algorithms: [...algorithms],', 'algorithms: [...algorithms], ignoreNotBefore: true,'],
    ['claims/times', 'Math.max(asNumber(nbf), asNumber(iat))', 'asNumber(iat)']
  ),
  mutant(
    'the tolerance of nbf',
    'claims',
    'RFC 7519 §4.1.5 nbf',
    [
      'verification/signature',
      'clockTolerance: clockToleranceSeconds * 1000',
      'clockTolerance: clockToleranceSeconds * 1100'
    ],
    ['claims/times', '(validFrom - toleranceSeconds)', '(validFrom - toleranceSeconds * 1.1)']
  ),
  mutant('groups as a grant of Entra', 'claims', 'Microsoft: a token with neither scopes nor roles', [
    'verification/admit',
    'groupsAreGrants && ',
    ''
  ]),
  mutant('permissions', 'claims', 'Microsoft: a token with neither scopes nor roles', [
    'verification/admit',
    'if (!hasPermissions(principal, verification.issuer.settings.profile)) return noPermissions',
    ''
  ]),
  mutant('clients without permissions', 'claims', 'control: clients that may come without permissions', [
    'verification/admit',
    'rolelessClients.has(clientId)',
    'rolelessClients.has("")'
  ]),
  mutant('a scope that is a slash', 'claims', 'Microsoft: a token with neither scopes nor roles', [
    'entra/caller-kind',
    ".filter((scope) => scope !== '/')",
    ''
  ]),
  mutant('the types of scp and roles', 'claims', 'Microsoft: a token with neither scopes nor roles', [
    'claims/read',
    'Array.isArray(value) ? wordsIn(value) : []',
    'wordsIn([value].flat().map(String))'
  ]),
  mutant('users told from apps, roles', 'claims', 'Microsoft: a permission of an app is no role of a user', [
    'authorization/evaluate-claims',
    "return kind === 'user' && roles.includes(rule.name)",
    'return roles.includes(rule.name)'
  ]),
  mutant('apps told from users, permissions', 'claims', 'Microsoft: a role of a user is no permission of an app', [
    'authorization/evaluate-claims',
    "return kind === 'app' && roles.includes(rule.name)",
    'return roles.includes(rule.name)'
  ]),
  mutant('the kind of a caller', 'claims', 'Microsoft: a token shows whether a user or an app calls', [
    'entra/checks',
    ', callerKindCheck]',
    ']'
  ]),
  mutant('an idtyp that is neither', 'claims', 'Microsoft: a token shows whether a user or an app calls', [
    'entra/caller-kind',
    "idtyp === 'user' || idtyp === 'app' ? idtyp : 'unknown'",
    "idtyp === 'app' ? idtyp : 'user'"
  ]),
  mutant(
    'an idtyp that is neither, as if it was not there',
    'claims',
    'Microsoft: a token shows whether a user or an app calls',
    ['entra/caller-kind', 'if (isSent(idtyp)) return', "if (idtyp === 'user' || idtyp === 'app') return"]
  ),
  mutant('oid, where nothing else says who', 'claims', 'Microsoft: a token shows whether a user or an app calls', [
    'entra/caller-kind',
    "if (oid === undefined) return 'unknown'",
    ''
  ]),
  mutant('a scope that cannot be read', 'claims', 'Microsoft: a token shows whether a user or an app calls', [
    'entra/caller-kind',
    "isSent(scp) && typeof scp !== 'string' ? 'unknown' : 'app'",
    "'app'"
  ]),
  mutant('oid and sub of an app', 'claims', 'Microsoft: a role of a user is no permission of an app', [
    'entra/caller-kind',
    "if (oid !== sub) return 'user'",
    ''
  ]),
  mutant('a member is shown to be one', 'claims', 'Microsoft: only who is shown to be a member', [
    'authorization/evaluate-claims',
    "principal.membership === 'member'",
    "principal.membership !== 'guest'"
  ]),
  mutant('acct that cannot be read', 'claims', 'Microsoft: only who is shown to be a member', [
    'entra/membership',
    "(accountTypes.get(acct) ?? 'unknown')",
    "(accountTypes.get(acct) ?? 'member')"
  ]),
  mutant('acct decides', 'claims', 'control: a member', [
    'entra/membership',
    'isSent(acct) ? ',
    'isSent(acct) && !isSent(idp) ? '
  ]),
  mutant('guests, by idp', 'claims', 'Microsoft: a guest is no member', [
    'entra/membership',
    ' && tenantIdOf(name) === tid',
    ''
  ]),
  mutant('who may name a directory in idp', 'claims', 'Microsoft: a guest is no member', [
    'entra/membership',
    'isKnown && tenantIdOf',
    'tenantIdOf'
  ]),
  mutant('xms_idrel takes away', 'claims', 'Microsoft: a guest is no member', [
    'entra/membership',
    "shown === 'member' && isRelatedOtherwise(claims)",
    'false'
  ]),
  mutant('agents', 'claims', 'Microsoft: an agent is no member', [
    'authorization/evaluate-claims',
    ' && principal.agent === undefined\n    case',
    '\n    case'
  ]),
  mutant('an agent is shown to be one', 'claims', `${agentIds}, only who is shown to be an agent`, [
    'authorization/evaluate-claims',
    "ownMember(principal, 'isAgent') === true",
    'principal.agent !== undefined'
  ]),
  mutant('a person is no agent', 'claims', `${agentIds}, a person or an app is no agent`, [
    'authorization/evaluate-claims',
    "ownMember(principal, 'isAgent') === true",
    'principal.isAgent !== undefined'
  ]),
  mutant('a person is shown to be no agent', 'claims', `${agentIds}, only who is shown to be no agent`, [
    'authorization/evaluate-claims',
    "ownMember(principal, 'isAgent') === false",
    'principal.isAgent !== true'
  ]),
  mutant('an agent is no person', 'claims', `${agentIds}, an agent is no person`, [
    'authorization/evaluate-claims',
    " && ownMember(principal, 'isAgent') === false",
    ''
  ]),
  mutant('an app is no person', 'claims', `${agentIds}, an agent is no person`, [
    'authorization/evaluate-claims',
    "kind === 'user' && ownMember(principal, 'isAgent')",
    "ownMember(principal, 'isAgent')"
  ]),
  mutant('facets of the client', 'claims', `${agentIds}, only who is shown to be no agent`, [
    'entra/caller-facts',
    'areOrdinary(xms_act_fct) && ',
    ''
  ]),
  mutant('facets of the subject', 'claims', `${agentIds}, only who is shown to be no agent`, [
    'entra/caller-facts',
    ' && areOrdinary(xms_sub_fct)',
    ''
  ]),
  mutant('facets to come', 'claims', `${agentIds}, only who is shown to be no agent`, [
    'entra/caller-facts',
    '/^(?:[13579]|\\d*[02468])$/',
    '/^\\d+$/'
  ]),
  mutant('even numbers', 'claims', `control: ${agentIds}, a person`, [
    'entra/caller-facts',
    '/^(?:[13579]|\\d*[02468])$/',
    '/^[13579]$/'
  ]),
  mutant('no facets', 'claims', `${agentIds}, only who is shown to be no agent`, [
    'entra/caller-facts',
    'all.length > 0 && ',
    ''
  ]),
  mutant('a parent, which only agents have', 'claims', `${agentIds}, an agent is no person`, [
    'entra/caller-facts',
    ' && !isSent(xms_par_app_azp)',
    ''
  ]),
  mutant('the user account of an agent', 'claims', `control: ${agentIds}, an agent`, [
    'entra/caller-facts',
    'words(xms_act_fct).some(isOfAgent) || ',
    ''
  ]),
  mutant('the user account of an agent, through a client', 'claims', `${agentIds}, an agent is no person`, [
    'entra/caller-facts',
    ' || words(xms_sub_fct).some(isOfAgent)',
    ''
  ]),
  mutant('an agent by its parent', 'claims', 'Microsoft: an agent is no member', [
    'entra/caller-facts',
    '!showsAgent(claims) && parentClientId === undefined',
    '!showsAgent(claims)'
  ]),
  mutant('facets of others than agents', 'claims', 'control: a member', [
    'entra/caller-facts',
    'facet === agentIdentity || facet === agentUser',
    'facet.length > 0'
  ]),
  mutant('scopes are words', 'claims', 'RFC 6749 §3.3 scopes are words', [
    'authorization/evaluate-claims',
    '(scopes as readonly string[]).includes(rule.name)\n    case',
    "scopes.join(' ').includes(rule.name)\n    case"
  ])
]

const routes: readonly Mutant[] = [
  mutant('the hook', 'transport', 'every route is closed that does not say otherwise', [
    'plugin',
    'if (why) refuse(request, reply, why)',
    'if (why) return true'
  ]),
  mutant('unknown routes', 'transport', 'every route is closed that does not say otherwise', [
    'fastify/authenticate',
    "if (auth === 'none') return undefined",
    "if (auth === 'none' || request.is404) return undefined"
  ]),
  mutant('OPTIONS', 'transport', 'every route is closed that does not say otherwise', [
    'fastify/authenticate',
    "if (auth === 'none') return undefined",
    "if (auth === 'none' || request.method === 'OPTIONS') return undefined"
  ]),
  mutant('optional, a bad token', 'transport', 'a token that is sent must be valid, also where strangers may come', [
    'fastify/authenticate',
    "auth === 'optional' && token.code === 'credentials_missing'",
    "auth === 'optional'"
  ]),
  mutant('optional', 'transport', 'control: routes and methods', [
    'fastify/authenticate',
    "auth === 'optional' && token.code === 'credentials_missing'",
    'false'
  ]),
  mutant('a token in the query', 'transport', 'RFC 6750 §2.3, RFC 9700 §4.3.2 no token in a query', [
    'fastify/authenticate',
    'const header = authorizationHeader(request.raw.rawHeaders, boundOf(request.raw))',
    "const asked = new URL(request.url, 'http://a').searchParams.get('access_token')\n  const header = asked ? 'Bearer '.concat(asked) : authorizationHeader(request.raw.rawHeaders, boundOf(request.raw))"
  ]),
  mutant('a token in a cookie', 'transport', 'RFC 6750 §2 no token in a cookie', [
    'fastify/authenticate',
    'const header = authorizationHeader(request.raw.rawHeaders, boundOf(request.raw))',
    "const asked = /token=(.*)/.exec(request.headers.cookie ?? '')?.[1]\n  const header = asked ? 'Bearer '.concat(asked) : authorizationHeader(request.raw.rawHeaders, boundOf(request.raw))"
  ]),
  mutant('what may be cached', 'structure', 'RFC 7515 §7.1 three segments', [
    'fastify/send-refusal',
    ".header('cache-control', 'no-store')",
    ''
  ]),
  mutant('the challenge', 'structure', 'RFC 7515 §7.1 three segments', [
    'fastify/send-refusal',
    "if (challenge !== undefined) reply.header('www-authenticate', challenge)",
    ''
  ]),
  mutant('the token in an answer', 'structure', 'RFC 7515 §7.1 three segments', [
    'fastify/send-refusal',
    'const { status, retryAfterSeconds } = refusal',
    "const { status, retryAfterSeconds } = refusal\n  reply.header('x-token', String(request.headers.authorization).slice(-8))"
  ]),
  mutant('errors of the libraries', 'signature', 'RFC 8017 §8.2.2 the value of the signature', [
    'verification/jwt-errors',
    '?? refusal(code)',
    "?? refusal(code, { detail: 'fast-jwt says no' })"
  ])
]

export const mutants: readonly Mutant[] = [
  ...bearer,
  ...header,
  ...keys,
  ...tenant,
  ...oidc,
  ...timesAndPermissions,
  ...routes
]
