/** The documents of deploy/kubernetes, and what Kubernetes says of them: the schemas and types of `kubernetes-models`. */
import { readdir, readFile } from 'node:fs/promises'
import { Deployment } from 'kubernetes-models/apps/v1'
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1'
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1'
import { Service, ServiceAccount } from 'kubernetes-models/v1'
import { parseAllDocuments } from 'yaml'

const folder = 'deploy/kubernetes'
const models = { Deployment, NetworkPolicy, PodDisruptionBudget, Service, ServiceAccount }
const modules = {
  Deployment: 'apps/v1',
  NetworkPolicy: 'networking.k8s.io/v1',
  PodDisruptionBudget: 'policy/v1',
  Service: 'v1',
  ServiceAccount: 'v1'
} as const

export interface Manifest {
  readonly apiVersion: string
  readonly kind: keyof typeof models
  readonly metadata: {
    readonly name: string
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
  }
}

/** All documents, by their kind: there is one of each. */
export async function manifests(): Promise<ReadonlyMap<string, Manifest>> {
  const files = await readdir(folder)
  const texts = await Promise.all(files.map((name) => readFile(`${folder}/${name}`, 'utf8')))
  const all = texts.flatMap((text) => parseAllDocuments(text).map((document) => document.toJS() as Manifest))
  return new Map(all.map((each) => [each.kind, each]))
}

/** What the schema of its kind says against a document; nothing where it is valid. Members that the schema does not have are not named. */
export function faultOf(manifest: Manifest): string {
  try {
    new models[manifest.kind](manifest as never).validate()
    return ''
  } catch (error) {
    return (error as Error).message
  }
}

/** The document as TypeScript: a member that its type does not have is an error of the compiler. */
export const typed = (manifest: Manifest): string =>
  `import type { I${manifest.kind} } from 'kubernetes-models/${modules[manifest.kind]}'
export const manifest: I${manifest.kind} = ${JSON.stringify(manifest)}`
