// Measures the heap of the thread that runs a pipeline's functions, as a gauge of the pipeline.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Metrics } from '../../sdk/index.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** In bytes, after a garbage collection. */
const heapGauge = Metrics.gauge('heap')
const probeMs = 1_000
let probedMs = 0

/** To be called for each element; measures once a second. */
export const probe = (): void => {
  if (Date.now() < probedMs + probeMs) return
  collect()
  const { heapUsed, external } = process.memoryUsage()
  heapGauge.set(heapUsed + external)
  probedMs = Date.now()
}
