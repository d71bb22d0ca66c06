/** A managed identity of Azure as the credential: its token is the client assertion, through a federated credential of the registration. */
import { EntraConfigurationError } from '../lib/configuration-error.js'
import { ownProperties } from '../lib/own.js'
import { guid, matching, rejectUnknown } from '../lib/validate.js'
import { loadMsal } from './load-msal.js'
import { type Proofs, proofsOf } from './proof.js'

/** Which managed identity, and for which audience its token is. */
export interface ManagedIdentityOptions {
  /** Client ID of a user-assigned identity. Default: the system-assigned identity. */
  clientId?: string
  /** The audience of the registration's federated credential. Default: that of the tenant's cloud, such as `api://AzureADTokenExchange`. */
  audience?: string
}

/** The validated options. */
export interface ManagedIdentity {
  readonly clientId: string | undefined
  readonly audience: string
}

/**
 * Checks the option `managedIdentity`.
 *
 * @param cloudAudience that of the tenant's cloud, if Microsoft documents one
 * @throws EntraConfigurationError with one sentence that names what to change
 */
export function managedIdentityOf(options: ManagedIdentityOptions, cloudAudience: string | undefined): ManagedIdentity {
  const name = 'downstream.managedIdentity'
  if (typeof options !== 'object' || options === null)
    throw new EntraConfigurationError(`${name} is not an object; give {} for the system-assigned identity`)
  rejectUnknown(name, options, ['clientId', 'audience'])
  const { clientId, audience = cloudAudience } = ownProperties(options)
  const wanted = 'the audience of the federated credential, as Microsoft names none for this cloud'
  return {
    clientId:
      clientId === undefined
        ? undefined
        : matching(`${name}.clientId`, clientId, guid, 'the client ID of the identity, a GUID'),
    audience: matching(`${name}.audience`, audience, /^[\x21-\x7e]+$/, wanted)
  }
}

/** Requests the identity's token, which MSAL caches. */
export function identityProofs({ clientId, audience }: ManagedIdentity): (isRefused: boolean) => Promise<Proofs> {
  const managedIdentityIdParams = clientId === undefined ? {} : { userAssignedClientId: clientId }
  const system = { loggerOptions: { loggerCallback: silent, piiLoggingEnabled: false } }
  return async (isRefused) => {
    const { ManagedIdentityApplication } = await loadMsal()
    const identity = new ManagedIdentityApplication({ managedIdentityIdParams, system })
    const { accessToken } = await identity.acquireToken({ resource: audience, forceRefresh: isRefused })
    return proofsOf('the managed identity', { clientAssertion: accessToken })
  }
}

function silent(): void {}
