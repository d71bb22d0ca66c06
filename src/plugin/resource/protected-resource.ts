/** The option `resource`: this API as a protected resource that clients discover by its URL (RFC 9728). */
import { EntraConfigurationError } from '../lib/configuration-error.js'
import { isSecure, matching, rejectUnknown, shown } from '../lib/validate.js'

/** The option for discovery, for any issuer. */
export interface ResourceOptions {
  /**
   * Publishes the metadata of this API as a protected resource (RFC 9728), so that a client needs nothing but its URL: every challenge then has
   * `resource_metadata`, and `publicUrl` is one more accepted `aud`. For Entra, whose clients send `publicUrl` as `resource` (RFC 8707), it is also
   * the App ID URI in the names of scopes. Default: none; no metadata is published.
   */
  resource?: {
    /**
     * The URL at which clients reach this API (RFC 9728 §1.2), such as `https://api.example.com/mcp`: https (http on loopback only), as clients
     * write it, without query and fragment. It is published as it is, whatever host a request names.
     */
    publicUrl: string
    /** Name of this API for people (`resource_name`, RFC 9728 §2). Default: none. */
    name?: string
  }
}

/** The validated option. */
export interface ProtectedResource {
  /** The resource identifier (RFC 9728 §1.2). */
  readonly publicUrl: string
  readonly name: string | undefined
  /** The URL of its metadata, for challenges (RFC 9728 §5.1). */
  readonly metadataUrl: string
  /** The path of that URL. */
  readonly metadataPath: string
}

/** Registered by RFC 9728 §8.1.1. The MCP authorization specification lets clients of any resource look here as well. */
export const rootPath = '/.well-known/oauth-protected-resource'

/**
 * Checks the option.
 *
 * @throws EntraConfigurationError with one sentence that names the value, what is wrong with it and what to change
 */
export function protectedResourceOf(given: unknown): ProtectedResource | undefined {
  if (given === undefined) return undefined
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new EntraConfigurationError(
      `resource ${shown(given)} is not allowed; give { publicUrl } or { publicUrl, name }`
    )
  rejectUnknown('resource', given, ['publicUrl', 'name'])
  const { publicUrl, name }: { readonly publicUrl?: unknown; readonly name?: unknown } = given
  if (publicUrl === undefined || publicUrl === '')
    throw new EntraConfigurationError(`resource.publicUrl is missing; give ${wanted}`)
  const fault = faultIn(publicUrl)
  if (fault)
    throw new EntraConfigurationError(`resource.publicUrl ${shown(publicUrl)} is not allowed: ${fault}; give ${wanted}`)
  const { origin, pathname } = new URL(String(publicUrl))
  // RFC 9728 §3.1: inserted between host and path, without a slash at the end.
  const metadataPath = `${rootPath}${pathname.replace(/\/$/, '')}`
  return Object.freeze({
    publicUrl: String(publicUrl),
    name: name === undefined ? undefined : matching('resource.name', name, printable, 'a name for people'),
    metadataUrl: origin + metadataPath,
    metadataPath
  })
}

const wanted =
  'the URL at which clients reach this API, such as https://api.example.com/mcp, with https (http on loopback only), and without credentials, query and fragment'

/** Something to read, on one line. */
const printable = /^(?=.*\S)[^\p{C}]{1,200}$/u

/** Without what routes give a meaning (`:`, `*`), or clients write in several ways. */
const plainPath = /^(\/[\w.~@-]+)*\/?$/

/** What is wrong with a URL of an API, in words. */
function faultIn(given: unknown): string | undefined {
  if (typeof given !== 'string' || !URL.canParse(given)) return 'it is not an absolute URL'
  const url = new URL(given)
  if (url.username || url.password) return 'it has credentials'
  if (given.includes('#')) return 'it has a fragment'
  if (given.includes('?')) return 'it has a query'
  if (!isSecure(url)) return 'it is neither https nor on loopback'
  if (!plainPath.test(url.pathname)) return 'its path has other characters than letters, digits and . _ ~ @ -'
  // Clients compare it as text (RFC 9728 §3.3), and some write it as the URL standard does.
  return given === url.href || given === url.origin ? undefined : `clients write it as ${url.href}`
}
