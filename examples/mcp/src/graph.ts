/** Microsoft Graph, on behalf of the user who calls a tool. */
import type { FastifyRequest } from 'fastify'

export interface Graph {
  /**
   * GETs a resource.
   *
   * @param scope the delegated permission, which this API needs consent for
   * @throws DownstreamError without a token for the user; Error with Graph's status
   */
  get(request: Pick<FastifyRequest, 'onBehalfOf' | 'signal'>, path: string, scope: string): Promise<unknown>
}

export const createGraph = (url: string): Graph => ({
  async get(request, path, scope) {
    const token = await request.onBehalfOf(`${url}/${scope}`)
    const response = await fetch(url + path, {
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.any([request.signal, AbortSignal.timeout(10_000)])
    })
    if (!response.ok) throw new Error(`Microsoft Graph answered ${response.status}`)
    return response.json()
  }
})
