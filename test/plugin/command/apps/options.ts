/** A tenant that nobody answers for: an app says who may call it without the network. */
export const options = {
  authority: 'http://127.0.0.1:9',
  tenantId: '11111111-2222-4333-8444-555555555555',
  clientId: '66666666-7777-4888-8999-aaaaaaaaaaaa'
}
