/** What to change when keys cannot be fetched, by the reason: for the log. */

const advices: readonly (readonly [reason: RegExp, fix: string])[] = [
  [
    /AADSTS(90002|90023|900021|50059)\b/,
    'tenantId must be the Directory (tenant) ID, not the Application (client) ID, or a verified domain of the tenant in this cloud'
  ],
  [/\b407\b/, 'the proxy requires credentials; put user and password into the proxy variable, percent-encoded'],
  [
    /certificate|UNABLE_TO_|SELF_SIGNED|CERT_/i,
    'Node.js does not trust the authority that issued the certificate; name the PEM file of that authority in NODE_EXTRA_CA_CERTS'
  ],
  [/ENOTFOUND|EAI_AGAIN/, 'the name cannot be resolved; check it, and the DNS of this machine'],
  [/ECONNREFUSED/, 'no process listens at that address; check address and port, and whether a proxy is needed']
]

/** The first that matches, if any. */
export function adviceFor(reason: string): string | undefined {
  return advices.find(([pattern]) => pattern.test(reason))?.[1]
}
