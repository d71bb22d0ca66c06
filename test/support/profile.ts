/** The rules of Entra's tokens, for tests of what comes before them. */
import { toSettings } from '../../src/plugin/options.js'
import { clientId, tenantId } from './tenant.js'

const { issuers } = toSettings({ tenantId, clientId })
export const [{ profile }] = issuers
