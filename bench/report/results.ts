/** All that a run has found. */

import type { Pace } from '../harness/cli.js'
import type { Environment } from '../harness/environment.js'
import type { Sample } from '../harness/measure.js'
import type { Ceiling } from '../sections/ceilings.js'
import type { Checked } from '../sections/check.js'
import type { ColdStart } from '../sections/cold.js'
import type { CommandTimes } from '../sections/command.js'
import type { ContestSample } from '../sections/contests.js'
import type { Footprint } from '../sections/footprint.js'
import type { Step } from '../sections/growth.js'
import type { Imports } from '../sections/imports.js'
import type { Memory } from '../sections/memory.js'
import type { MetricsCost } from '../sections/metrics.js'
import type { ServerCost } from '../sections/server.js'
import type { Streams } from '../sections/streams.js'

export interface Goal {
  readonly name: string
  readonly goal: string
  readonly measured: string
  /** Without it, there is nothing to judge by. */
  readonly met?: boolean
}

export interface Results {
  readonly environment: Environment
  readonly quick: boolean
  /** What whoever reads the figures should know of this run; written by hand, before the page is made again. */
  readonly notes?: readonly string[]
  readonly pace: Pace
  /** Seconds that the run took. */
  seconds: number
  checks: readonly Checked[]
  /** Requests a second of the half hostile workload. */
  rate: number
  samples: readonly Sample[]
  /** Peers' processes that died while they were measured. */
  lost: readonly string[]
  ceilings: readonly Ceiling[]
  memory: readonly Memory[]
  growth: readonly Step[]
  imports?: Imports
  /** Absent in results of earlier versions. */
  footprint?: readonly Footprint[]
  /** Absent in results of earlier versions. */
  command?: CommandTimes
  server?: ServerCost
  /** Absent in results of earlier versions. */
  streams?: readonly Streams[]
  /** Absent in results of earlier versions. */
  metrics?: readonly MetricsCost[]
  cold?: readonly ColdStart[]
  /** Absent in results of earlier versions. */
  contests?: readonly ContestSample[]
  goals: readonly Goal[]
  readonly mistakes: string[]
}
