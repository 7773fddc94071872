// Whether a job is ready, as an orchestrator asks: it reads, and all its connections are up.
import type { JobState } from '../../sdk/model/job-event.ts'
import type { JobMetrics } from '../../sdk/model/job-metrics.ts'

export interface Readiness {
  readonly ready: boolean
  /** Why it is not; empty if it is. */
  readonly reasons: ReadonlyArray<string>
}

/** States in which the job does what it was started for, the last checkpoint before an orderly end included. */
const atWork: ReadonlySet<JobState | 'starting'> = new Set<JobState>(['running', 'suspending', 'draining'])

export const readinessOf = (state: JobState | 'starting', metrics: JobMetrics | null): Readiness => {
  const reasons = atWork.has(state) && metrics !== null ? outagesIn(metrics) : [`The job is in the state ${state}.`]
  return { ready: reasons.length === 0, reasons }
}

const outagesIn = ({ splits, sinks, lease }: JobMetrics): ReadonlyArray<string> => [
  ...splits.filter(({ reader }) => isDown(reader)).map(({ id }) => `${id}: the connection is down.`),
  ...Object.entries(sinks).flatMap(([sink, figures]) => (isDown(figures) ? [`${sink}: the connection is down.`] : [])),
  ...(lease.inDoubt ? ['The lease is in doubt: the checkpoint store does not confirm it.'] : []),
]

/** A sink with several streams has the figure once for each of them. */
const isDown = (figures: Readonly<Record<string, number>>): boolean =>
  Object.entries(figures).some(([name, value]) => (name === 'disconnected' || name.endsWith('.disconnected')) && value > 0)
