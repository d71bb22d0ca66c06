/** Words for a token of Entra that names its user's groups. Pure. */
import type { Principal } from '../claims/principal.js'
import { guid } from '../lib/validate.js'
import { groupIdsOf } from './groups.js'
import type { Rule } from './rules.js'

const hint =
  ' The token lists groups by name (cloud_displayname, sam_account_name or the like), which is not supported: names are not unique and can ' +
  'change. Have the registration of this API emit group IDs, by leaving out additionalProperties of the optional claim groups.'

/**
 * A sentence where a group is required by its object ID, the user is in none of those required, and the token lists groups by name (Microsoft:
 * "Configure group claims for applications by using Microsoft Entra ID"). Empty otherwise.
 */
export function groupNamesHint(rule: Rule, principal: Principal): string {
  const groups: readonly string[] = principal.groups
  if (principal.provider !== 'entra' || !groups.some((each) => !guid.test(each))) return ''
  const ids = groupIdsOf([rule])
  const isMissing = ids.some((each) => guid.test(each)) && !ids.some((each) => groups.includes(each))
  return isMissing ? hint : ''
}
