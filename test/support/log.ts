/** What a stage said to the operator. */
import type { Logger } from '../../src/plugin/lib/logger.js'

export interface LogLine {
  readonly level: 'info' | 'warn' | 'error'
  readonly details: Record<string, unknown>
  readonly message: string
}

export interface RecordingLogger extends Logger {
  readonly lines: LogLine[]
}

export function recordingLogger(): RecordingLogger {
  const lines: LogLine[] = []
  const at = (level: LogLine['level']) => (details: object, message: string) =>
    void lines.push({ level, details: { ...details }, message })
  return { lines, info: at('info'), warn: at('warn'), error: at('error') }
}
