/** The forms in which a registration is written. */
import type { Application } from './application.js'
import { toBicep } from './bicep.js'
import { toTerraform } from './terraform.js'

/** A registration as text; infrastructure code names it. */
export type Format = (application: Application, apiName: string) => string

/** By the values of `--format`. */
export const formats: ReadonlyMap<string, Format> = new Map([
  ['json', (application) => `${JSON.stringify(application, null, 2)}\n`],
  ['terraform', toTerraform],
  ['bicep', toBicep]
])
