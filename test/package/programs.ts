/** Programs of a user's project: one API, as each kind of project writes it. Each prints the statuses of its answers as JSON, and ends by itself. */

/** Sends the requests, closes, and prints what was answered. */
export const check = `
const { GOOD = '', PLAIN = '' } = process.env

async function status(url: string, token?: string, body?: string): Promise<number> {
  const headers = new Headers({ 'content-type': 'application/json' })
  if (token) headers.set('authorization', 'Bearer ' + token)
  const response = await fetch(url, body ? { method: 'POST', headers, body } : { headers })
  await response.text()
  return response.status
}

export async function check(origin: string, close: () => PromiseLike<unknown>): Promise<void> {
  const of = async (path: string, body?: string) => {
    const statuses: number[] = []
    for (const token of [GOOD, PLAIN, undefined, 'a.b.c']) statuses.push(await status(origin + path, token, body))
    return statuses
  }
  const said = {
    health: await of('/health'),
    orders: await of('/orders'),
    admin: await of('/admin', '{"a":1}'),
    nowhere: await of('/nowhere')
  }
  await close()
  console.log(JSON.stringify(said))
}
`

/** What each program prints: with a good token, one without scope and role, none, and one that is no token. */
export const expected = {
  health: [200, 200, 200, 200],
  orders: [200, 403, 401, 401],
  admin: [200, 403, 401, 401],
  nowhere: [404, 404, 401, 401]
}

const { TENANT_ID, CLIENT_ID, AUTHORITY, SECRET } = {
  TENANT_ID: "process.env.TENANT_ID ?? ''",
  CLIENT_ID: "process.env.CLIENT_ID ?? ''",
  AUTHORITY: "process.env.AUTHORITY ?? ''",
  SECRET: 'process.env.SECRET ? { downstream: { clientSecret: process.env.SECRET } } : {}'
}
const options = `{ tenantId: ${TENANT_ID}, clientId: ${CLIENT_ID}, authority: ${AUTHORITY}, strictRoutes: true, ...(${SECRET}) }`

const main = `
async function main(): Promise<void> {
  const app = Fastify()
  await app.register(entra, ${options})
  app.get('/orders', { preHandler: requireScope('Orders.Read') }, ({ principal }) => ({ id: principal.id }))
  app.post('/admin', { config: { auth: requireRole('Admin') } }, ({ principal, body }) => ({ name: principal.name, body }))
  app.get('/health', { config: { auth: 'none' } }, () => 'ok')
  await app.listen({ host: '127.0.0.1', port: 0 })
  await check(app.listeningOrigin, () => app.close())
}
main().catch((error: Error) => {
  console.error(error.message)
  process.exitCode = 1
})
`

/** An ES module of TypeScript. */
export const esm = `
import Fastify from 'fastify'
import entra, { requireRole, requireScope } from 'fastify-entra'
import { check } from './check.js'
${main}`

/** CommonJS of TypeScript: the compiler writes \`require('fastify-entra')\`. */
export const commonJs = `
import Fastify from 'fastify'
import entra, { requireRole, requireScope } from 'fastify-entra'
import { check } from './check.js'
${main}`

/** NestJS on Fastify: guards in the config of routes, and one as a preHandler of a route that is Fastify's own. */
export const nest = `
import 'reflect-metadata'
import { Body, Controller, Get, Module, Post, Req } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { FastifyAdapter, type NestFastifyApplication, RouteConfig } from '@nestjs/platform-fastify'
import type { FastifyRequest } from 'fastify'
import entra, { requireRole, requireScope } from 'fastify-entra'
import { check } from './check.js'

@Controller()
class Api {
  @Post('admin')
  @HttpCode(200)
  @RouteConfig({ auth: requireRole('Admin') })
  admin(@Req() request: FastifyRequest, @Body() body: unknown) {
    return { id: request.principal.id, body }
  }

  @Get('health')
  @RouteConfig({ auth: 'none' })
  health() {
    return 'ok'
  }
  // more
}

@Module({ controllers: [Api] })
class App {}

const app = await NestFactory.create<NestFastifyApplication>(App, new FastifyAdapter(), { logger: false, abortOnError: false })
await app.register(entra, ${options})
const fastify = app.getHttpAdapter().getInstance()
fastify.get('/orders', { preHandler: requireScope('Orders.Read') }, () => [])
await app.listen(0, '127.0.0.1').catch((error: Error) => {
  console.log(error.message)
  process.exit(1)
})
await check(await app.getUrl(), () => app.close())
`.replace('Get, Module', 'Get, HttpCode, Module')

/** With a route that has neither a guard nor \`auth\`. */
export const nestUndeclared = nest.replace('// more', "@Get('open') open() { return 'open' }")

/** What reads the principal by the types of the Fastify that NestJS brings. */
export const nestsOwnFastify = `
import type { NestFastifyApplication } from '@nestjs/platform-fastify'
import entra, { requireScope } from 'fastify-entra'
declare const app: NestFastifyApplication
await app.register(entra, { tenantId: 't', clientId: 'c' })
const fastify = app.getHttpAdapter().getInstance()
fastify.get('/', { preHandler: requireScope('a') }, (request) => request.principal.id)
`

/** Bundles with the project's own webpack. */
export const webpackBuild = `
import webpack from 'webpack'
const output = { path: import.meta.dirname, filename: 'webpack.cjs' }
webpack({ mode: 'production', target: 'node20', entry: './smoke.js', output }, (error, stats) => {
  if (error) throw error
  console.log(stats.toString({ all: false, errors: true, warnings: true }))
})
`
