/** What must not outlive the benchmark, however it ends: children, and files. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const undo = new Set<() => void>()

/** Runs `action` at the end, unless it has been done before: the function returned does it. */
export function atTheEnd(action: () => void): () => void {
  const once = () => {
    if (undo.delete(once)) action()
  }
  undo.add(once)
  return once
}

const cleanUp = () => {
  for (const action of [...undo].reverse()) action()
}

/** A directory of its own below the system's temporary one. */
export function temporaryDirectory(): { readonly dir: string; readonly remove: () => void } {
  const dir = mkdtempSync(join(tmpdir(), 'fastify-entra-bench-'))
  return { dir, remove: atTheEnd(() => rmSync(dir, { recursive: true, force: true })) }
}

process.on('exit', cleanUp)
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129]
] as const) {
  process.on(signal, () => process.exit(code))
}
