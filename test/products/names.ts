/** Who is who in the fixtures. None of them exists. */
export const tenantId = '7a1f3c52-0d4e-4b6a-9c21-5e8f7d6c4b3a'
export const otherTenantId = '1b2c3d4e-5f60-4718-8293-a4b5c6d7e8f9'
export const strangeTenantId = '90817263-5443-4261-b7a8-c9d0e1f2a3b4'
/** The tenant of all personal Microsoft accounts. */
export const personalTenantId = '9188040d-6c67-4c5b-b112-36a304b66dad'
/** The API. */
export const apiId = '3f6e9d2c-8b1a-4e7f-a5d4-c3b2a1908f7e'
/** The same API's registration for External ID, where a tenant of Azure AD B2C has both. */
export const externalApiId = '8e4d2b1a-6c5f-4a3e-9d7b-1f0e2d3c4b5a'
/** An application that calls it for its user, and one that calls it for itself. */
export const clientId = 'd4c3b2a1-0f9e-4d8c-b7a6-958473625140'
export const serviceId = '5a4b3c2d-1e0f-4a9b-8c7d-6e5f4a3b2c1d'
/** Object IDs of a user, and of the service in the directory. */
export const userId = 'e8d7c6b5-a493-4827-9160-5f4e3d2c1b0a'
export const servicePrincipalId = '6c5d4e3f-2a1b-4098-8776-655443322110'
/** A subject is pairwise: another than the object ID. */
export const subject = 'AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_aBcDe'

/** Key IDs in the form that Microsoft gives them: a SHA-1 in base64url. */
export const kids = {
  current: 'Q2vK9nY-7rT4uW1xZ6aB3cD8eF0',
  beside: 'hJ5kL2mN9pQ4rS7tU1vW6xY3zA8',
  otherCloud: 'B0cD5eF2gH7iJ4kL9mN1oP6qR3s'
} as const
