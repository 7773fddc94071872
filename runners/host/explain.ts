// The plan of a pipeline as text: its stages, and what each source and sink guarantees, and why.
import type { Pipeline } from '../../sdk/graph/pipeline.ts'
import type { Plan, Stage } from '../plan/stage.ts'
import { systemClock } from './clock.ts'
import { withoutSecretsIn } from '../../sdk/model/secret-text.ts'
import { requireGiven } from './given.ts'
import { logOf } from './log.ts'
import { jobNameOf, look, type Opened } from './opening.ts'
import type { HostOptions } from './options.ts'

/** Connects to what the pipeline reads and writes, and leaves it as it is. */
export const explain = async (pipeline: Pipeline, options: HostOptions): Promise<string> => {
  requireGiven(pipeline, options)
  const opened = await look(pipeline, {
    options,
    signal: new AbortController().signal,
    log: logOf(options.log, jobNameOf(pipeline, options)),
    clock: systemClock,
  })
  try {
    return withoutSecretsIn(explanationOf(opened))
  } finally {
    await opened.close()
  }
}

const explanationOf = ({ plan, sources, sinks, store, job }: Pick<Opened, 'plan' | 'sources' | 'sinks' | 'store' | 'job'>): string =>
  [
    `job ${JSON.stringify(job)}: ${store === null ? 'no checkpoints (nothing in it needs them)' : `checkpoints in ${store.describe}`}`,
    ...plan.stages.flatMap(stage => stageLines(plan, stage)),
    ...[...sources].map(([id, source]) => `source ${id}: ${source.guarantee()}`),
    ...plan.sinks.map(({ id, why, mode }) => `sink ${id}: ${sinks.get(id)?.guarantee ?? mode}\n  ${mode}: ${why}`),
  ].join('\n')

const stageLines = (plan: Plan, stage: Stage): ReadonlyArray<string> => [
  `stage ${plan.stages.indexOf(stage) + 1}: ${stage.id}`,
  ...stage.steps.filter(({ transform }) => transform._tag !== 'Along' && transform._tag !== 'Flatten').map(({ path }) => `  ${path}`),
  ...stage.exits.map(exit => {
    switch (exit._tag) {
      case 'Shuffle':
        return `  -> ${exit.to}, by key${exit.lift === null ? '' : ', combined in part before'}`
      case 'Forward':
        return `  -> ${exit.to}`
      case 'Side':
        return `  -> ${exit.to}, as a side input`
      case 'Sink':
        return `  -> ${exit.sinkId}`
      case 'Assert':
        return `  -> ${exit.assertId}`
    }
  }),
]
