/**
 * The canary: fails every test in which a log line, a message of a `fastify-entra.*` channel, an answer of the API or an error holds eight
 * characters in a row of the payload or the signature of a JWT that was sent to the API.
 *
 * `.taprc` has it loaded into every test process, before anything else, and each has it loaded into every process that it starts, whatever
 * environment that one gets; plain JavaScript, as not all of them compile. A leak is written into one file at once, for all processes of one
 * test: a process that is killed, or whose end nobody looks at, has told of it by then. The test's own process ends with status 1 if there is
 * that file.
 *
 * The API is what has `app.verifyToken`. The embedded tenant and the tenants of tests are not, so that their token endpoints may hand out what
 * they do. Exceptions are named below.
 */
import { ChildProcess } from 'node:child_process'
import channels from 'node:diagnostics_channel'
import { appendFileSync, existsSync, readFileSync, rmSync } from 'node:fs'
import { ServerResponse } from 'node:http'
import { syncBuiltinESMExports } from 'node:module'
import { Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { findLeak, remember } from './canary-windows.js'
import './own-coverage.js'

/** Programs that may leak: the first, as checks of the library are taken out there, that of its logs among them. */
const mayLeak = /[\\/]test[\\/]hostile[\\/]mutant-run\.ts$/
/** The program that prints lines to paste, with tokens in them; and these lines. */
const printsTokens = /[\\/]src[\\/]server[\\/]dev\.ts$/
const linesToPaste = /^curl -i '[^']+' -H 'Authorization: Bearer [\w.-]+'$/gm

/** A claims challenge is JSON in base64, as a payload is, and has words in common with it: what is in it counts. */
const claimsChallenge = /(?<=claims=\\?")[\w+/=-]+/g

/** Where leaks are written: one file for a test and all the processes that it starts. */
const variable = 'FASTIFY_ENTRA_CANARY'
const isFirst = process.env[variable] === undefined
const file = process.env[variable] ?? join(tmpdir(), `fastify-entra-canary-${process.pid}-${Date.now()}`)
process.env[variable] = file

const program = process.argv[1] ?? ''
let hasLeaked = false

/**
 * @param {string} where
 * @param {unknown} what
 */
function check(where, what) {
  const text = toText(what).replace(claimsChallenge, jsonIn)
  const at = findLeak(text)
  if (at === -1) return
  hasLeaked = true
  const around = `${text.slice(Math.max(0, at - 100), at)}<<${text.slice(at, at + 8)}>>${text.slice(at + 8, at + 60)}`
  appendFileSync(file, `canary: ${where} holds a part of a token (${program}): ${JSON.stringify(around)}\n`)
}

/** What it is in base64, or itself. @param {string} base64 */
function jsonIn(base64) {
  const text = Buffer.from(base64, 'base64').toString()
  try {
    JSON.parse(text)
    return text
  } catch {
    return base64
  }
}

/** @param {unknown} what */
function toText(what) {
  if (typeof what === 'string') return what
  if (what instanceof Uint8Array) return Buffer.from(what).toString('latin1')
  return inspect(what, {
    depth: 10,
    maxStringLength: null,
    maxArrayLength: null,
    breakLength: Number.POSITIVE_INFINITY
  })
}

process.on('exit', () => {
  if (isFirst && existsSync(file)) {
    process.stderr.write(readFileSync(file))
    rmSync(file)
    process.exitCode = 1
  }
  if (hasLeaked) process.exitCode = 1
})

// Child processes: whatever environment they are given.
const load = `--import="${import.meta.url}"`
const { spawn } = /** @type {ChildProcess & { spawn(options: { envPairs: string[] }): number }} */ (
  ChildProcess.prototype
)
Object.assign(ChildProcess.prototype, {
  /** @param {{ envPairs: string[] }} options */
  spawn(options) {
    const envOf = (/** @type {string} */ name) =>
      options.envPairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1)
    const nodeOptions = envOf('NODE_OPTIONS') ?? ''
    const others = options.envPairs.filter((pair) => !/^(NODE_OPTIONS|FASTIFY_ENTRA_CANARY)=/.test(pair))
    const whole = nodeOptions.includes(load) ? nodeOptions : `${nodeOptions} ${load}`.trim()
    const envPairs = [...others, `NODE_OPTIONS=${whole}`, `${variable}=${envOf(variable) ?? file}`]
    return spawn.call(this, { ...options, envPairs })
  }
})

// Log lines: every line of pino, wherever it is written; and what is printed. A test's own output is tap's.
channels.subscribe('tracing:pino_asJson:end', (line) => check('a log line', Reflect.get(Object(line), 'result')))
for (const stream of isFirst ? [process.stderr] : [process.stdout, process.stderr]) {
  const { write } = stream
  stream.write = /** @type {typeof write} */ (
    (/** @type {Parameters<typeof write>} */ ...args) => {
      const text = toText(args[0])
      check('what is printed', printsTokens.test(program) ? text.replace(linesToPaste, '') : text)
      return write.apply(stream, args)
    }
  )
}

// Channels, from when somebody knows them.
const { channel } = channels
channels.channel = (name) => {
  const known = channel(name)
  if (!String(name).startsWith('fastify-entra.') || Object.hasOwn(known, 'publish')) return known
  // Not as a subscriber: where nobody else listens, the library does not even build its messages.
  known.publish = function (message) {
    check(`a message of ${String(name)}`, message)
    return Object.getPrototypeOf(this).publish.call(this, message)
  }
  return known
}
syncBuiltinESMExports()

/** What handles the requests of APIs; also of the second server that Fastify opens for `localhost`. */
const apis = new WeakSet()
const requests = new Set(['request', 'checkContinue', 'checkExpectation'])
const sockets = new Set(['upgrade', 'connect', 'clientError'])

const { emit } = Server.prototype
Server.prototype.emit = function (/** @type {string} */ event, /** @type {unknown[]} */ ...args) {
  if ((requests.has(event) || sockets.has(event)) && this.listeners('request').some((handler) => apis.has(handler))) {
    const [{ rawHeaders = [], rawPacket = '' }, answers] =
      /** @type {[{ rawHeaders?: string[], rawPacket?: unknown }, object]} */ (args)
    remember(`${rawHeaders.join('\n')}\n${toText(rawPacket)}`)
    watch('an answer', answers, sockets.has(event) ? ['write', 'end'] : answering)
  }
  return Reflect.apply(emit, this, [event, ...args])
}

const answering = ['setHeader', 'appendHeader', 'writeHead', 'write', 'end']

/** `inject()`: its responses are no server's, and are all of APIs here. */
const { assignSocket } = ServerResponse.prototype
ServerResponse.prototype.assignSocket = function (/** @type {import('node:net').Socket} */ socket) {
  if ('isLightMyRequest' in this) {
    remember(Object.values(this.req.headers).flat().join('\n'))
    watch('an answer', this, answering)
  }
  return assignSocket.call(this, socket)
}

const isWatched = new WeakSet()

/**
 * Checks what methods of an object are called with; what one call begins may go on with the next.
 *
 * @param {string} where
 * @param {object} object
 * @param {readonly string[]} names
 */
function watch(where, object, names) {
  if (isWatched.has(object)) return
  isWatched.add(object)
  let before = ''
  for (const name of names) {
    const method = Reflect.get(object, name)
    if (typeof method !== 'function' || method.name === 'noop') continue // by the name `noop` the library knows a silent log
    Reflect.set(object, name, (/** @type {unknown[]} */ ...args) => {
      const said = args.filter((arg) => typeof arg !== 'function').map(toText)
      const isBody = name === 'write' || name === 'end'
      const text = (isBody ? before : '') + said.join('\n')
      check(where, `${text}\n${Reflect.get(object, 'statusMessage') ?? ''}`)
      if (isBody) before = (before + (said[0] ?? '')).slice(-7)
      const result = method.apply(object, args)
      if (name === 'child') watch(where, result, logging)
      return result
    })
  }
}

const logging = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'child']

/**
 * Checks what a function of the library rejects with, and remembers the token that it is given.
 *
 * @param {(...args: unknown[]) => Promise<unknown>} call
 */
function watchCall(call) {
  return /** @type {typeof call} */ (
    /** @this {unknown} */ function (/** @type {unknown[]} */ ...args) {
      remember(String(args[0]))
      return Reflect.apply(call, this, args).catch((/** @type {unknown} */ error) => {
        check('an error', error)
        throw error
      })
    }
  )
}

channels.subscribe('fastify.initialization', (message) => {
  const { fastify } = /** @type {{ fastify: import('fastify').FastifyInstance }} */ (message)
  if (!('bindings' in fastify.log)) watch('a log line', fastify.log, logging) // pino's are known by their channel
  fastify.addHook('onError', async (_request, _reply, error) => check('an error', error))
  for (const name of ['decorate', 'decorateRequest']) {
    const decorate = Reflect.get(fastify, name)
    Reflect.set(
      fastify,
      name,
      /** @this {unknown} */ function (/** @type {unknown[]} */ ...[what, value, ...others]) {
        if (what === 'verifyToken' && !mayLeak.test(program))
          for (const handler of fastify.server.listeners('request')) apis.add(handler)
        const { tokenForApp } = Object(value ?? {})
        if (what === 'entra' && tokenForApp) Reflect.set(Object(value), 'tokenForApp', watchCall(tokenForApp))
        const isCall = what === 'verifyToken' || what === 'onBehalfOf'
        return Reflect.apply(decorate, this, [what, isCall ? watchCall(Object(value)) : value, ...others])
      }
    )
  }
})

process.on('uncaughtExceptionMonitor', (error) => check('an error', error))
