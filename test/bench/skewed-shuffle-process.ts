// A process of its own whose memory is looked at: generated elements, half of them of one key, through a shuffle to what takes longer
// than reading them. Argument: how many elements. Prints how it went.
import { isMainThread } from 'node:worker_threads'
import * as N from 'fp-ts/lib/number.js'
import { Coder, Combine, emit, Instant, orThrow, ParDo, PCollection, Pipeline, pipe, type Source, Splittable, State } from 'jetbeam'
import { WorkerThreadsRunner } from 'jetbeam/runners/worker-threads'
import { containsInAnyOrder, PAssert } from 'jetbeam/testing'
import { z } from 'zod'
import { numberSource } from '../support/number-source.ts'

const workers = 2
const keys = 10_000
const elementMicros = 4
const sampleMs = 50

/** By position, so that a split's reader remembers nothing. The lower a key, the more often; the first is that of half of them. */
const keyOf = (position: number): number => Math.floor(keys ** (uniform(position) ** 4))

/** Of [0, 1). */
const uniform = (position: number): number => {
  let n = Math.imul(position ^ (position >>> 16), 0x45d9f3b)
  n = Math.imul(n ^ (n >>> 16), 0x45d9f3b)
  return ((n ^ (n >>> 16)) >>> 0) / 0x1_0000_0000
}

interface Generated {
  readonly key: number
  readonly text: string
}

const generated = (position: number): Generated => ({ key: keyOf(position), text: String(position).padStart(64, '.') })

/** An equal part for each task. */
const generator = (elements: number): Source<number> => {
  const cut = (part: number, desired: number): number => Math.floor((elements * part) / desired)
  return numberSource({
    label: `generated ${elements}`,
    rangesOf: desired => Array.from({ length: desired }, (_, part) => ({ from: cut(part, desired), to: cut(part + 1, desired) })),
  })
}

export const skewed = Pipeline.define(import.meta, 'skewed-shuffle', z.object({ elements: z.number() }), ({ elements }) =>
  pipe(
    Splittable.source({ source: generator(elements), decode: generated, timestamp: () => Instant.min }),
    PCollection.keyBy(({ key }) => key),
    PCollection.mapValues(({ text }) => text),
    ParDo.stateful({
      state: { count: State.value(Coder.varint, 0) },
      process: (_, { count }) => {
        for (const until = performance.now() + elementMicros / 1_000; performance.now() < until;);
        return [count.write(count.read + 1)]
      },
      onWindowExpiration: (_, { count }) => [emit(count.read)],
    }),
    Combine.globally(N.MonoidSum),
    PAssert.that(containsInAnyOrder([elements])),
    PCollection.ignore,
  ),
)

if (isMainThread) {
  const elements = Number(process.argv[2])
  const job = await orThrow(pipe(skewed({ elements }), WorkerThreadsRunner.start({ workers })))
  const began = performance.now()
  const samples: { readonly read: number; readonly rss: number }[] = []
  const sampling = setInterval(() => samples.push({ read: job.metrics().elementsRead, rss: process.memoryUsage.rss() }), sampleMs)
  await orThrow(job.done)
  clearInterval(sampling)
  const { user, system } = process.cpuUsage()
  process.stdout.write(JSON.stringify({ ms: performance.now() - began, cpuMs: (user + system) / 1_000, samples }))
}
