/** The corpus: every table by its name. */
import { claims } from './claims.js'
import { controls } from './controls.js'
import { header } from './header.js'
import { oidc } from './oidc.js'
import type { Table } from './row.js'
import { signature } from './signature.js'
import { structure } from './structure.js'
import { transport } from './transport.js'

export const tables = { controls, structure, header, signature, claims, oidc, transport } as const satisfies Record<
  string,
  Table
>
export type TableName = keyof typeof tables
