/** What people read of the permissions of an API before they consent, as the application declares it. */

/** The display name of a permission, and what it allows. */
export interface Words {
  readonly displayName: string
  readonly description: string
}

/** A role of users, or an application permission (Microsoft Graph: "appRole resource type"). */
export interface Permission extends Words {
  /** The ID that an existing registration has for it: grants and assignments refer to it. Default: derived from the name. */
  readonly id?: string
}

/** A scope (Microsoft Graph: "permissionScope resource type"). */
export interface Scope extends Permission {
  /** The description for a user who consents. Without it, an administrator must consent. */
  readonly forUsers?: Words
}

/** Everything that guards may name, by name. */
export interface Permissions {
  /** The name of the registration when infrastructure code creates it. */
  readonly apiName: string
  /** Where the declarations stand, for messages. */
  readonly declaredIn: string
  /** Optional claims that policies, `isRevoked` (`xms_cc`, `sid`) or routes read. Those that guards read are derived from the guards. */
  readonly optionalClaims?: readonly string[]
  /**
   * Clients whose users need no consent: names of scopes by client ID (Microsoft Graph: "preAuthorizedApplication resource type"). Only for
   * clients of your own, as nobody is asked.
   */
  readonly preAuthorizedApplications?: Readonly<Record<string, readonly string[]>>
  readonly scopes: Readonly<Record<string, Scope>>
  readonly roles: Readonly<Record<string, Permission>>
  readonly appPermissions: Readonly<Record<string, Permission>>
}
