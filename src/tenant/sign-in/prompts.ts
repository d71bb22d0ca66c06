import { interactionPolicy, type Provider } from 'oidc-provider'
import { provesAuthContexts } from './step-up.js'

/**
 * A user of another tenant who is signed in must pick an account of this one; with `prompt=none` the request is refused, with a number of
 * "Microsoft Entra authentication and authorization error codes".
 */
const accountOfThisTenant = new interactionPolicy.Check(
  'no_account',
  'AADSTS16000: The account that is signed in is not in this tenant.',
  'interaction_required',
  ({ oidc }) => oidc.session?.accountId !== undefined && oidc.account === undefined
)

/** Consent is never prompted for, and `prompt=select_account` is supported, as the Microsoft libraries send it. */
export function signInPolicy() {
  const policy = interactionPolicy.base()
  policy.get('consent')?.checks.clear()
  policy.get('login')?.checks.add(accountOfThisTenant)
  policy.get('login')?.checks.add(provesAuthContexts)
  policy.add(new interactionPolicy.Prompt({ name: 'select_account', requestable: true }), 0)
  return policy
}

/**
 * OpenID Connect Core 1.0 §11 honours `offline_access` only with `prompt=consent`; Entra ID honours it always. With
 * consent automatic, adding the prompt has no other effect. (`none` has to stand alone, §3.1.2.1.)
 */
export const offlineAccessNeedsNoPrompt: Parameters<Provider['use']>[0] = async (ctx, next) => {
  const { prompt = '' } = ctx.query
  if (prompt !== 'none') ctx.query = { ...ctx.query, prompt: `${prompt} consent`.trim() }
  await next()
}
