/** Waits that end: by what they wait for, or by an error that names it. A test fails then, and its process still ends. */
import type { Writable } from 'node:stream'

/** Far beyond what a busy machine needs: a guard against a hang, not a measure. */
const patience = 45_000

/** The promise's own outcome, unless it takes too long. */
export async function within<T>(what: string, wait: Promise<T>, milliseconds = patience): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${milliseconds} ms for ${what}`)), milliseconds)
  })
  try {
    return await Promise.race([wait, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Asks again until it is so. */
export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  let over = false
  const poll = async () => {
    while (!over && !(await condition())) await new Promise((resolve) => setTimeout(resolve, 20))
  }
  try {
    await within(what, poll())
  } finally {
    over = true
  }
}

/**
 * Does it again and again while the stream is open. One that was closed already gets no timer: it has had its `close`, no
 * second one comes, and a timer that nobody stops keeps the process alive for ever.
 */
export function whileOpen(stream: Writable, milliseconds: number, work: () => void): void {
  if (stream.closed) return
  const timer = setInterval(work, milliseconds)
  stream.on('close', () => clearInterval(timer))
}
