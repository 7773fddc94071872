// One sink that writes to several streams: each subject belongs to one of them, and each stream is written to in its own way.
import type { ConnectedSink, OutputBatch } from '../../sdk/graph/sink.ts'
import { emptyOutputs } from '../../sdk/graph/sink.ts'
import { Latency } from '../../sdk/model/histogram.ts'
import { JetStreamIOError } from './errors.ts'
import { type Position, isPosition, ofStreams } from './position.ts'
import { matches } from './subject-filter.ts'

export interface StreamSink {
  readonly stream: string
  readonly subjects: ReadonlyArray<string>
  readonly sink: ConnectedSink
}

const mostKnown = 10_000

export const severalStreams = (label: string, streams: ReadonlyArray<StreamSink>): ConnectedSink => {
  const names = streams.map(({ stream }) => stream).join(', ')
  const known = new Map<string, number>()
  const streamOf = (subject: string): number => {
    const before = known.get(subject)
    if (before !== undefined) return before
    const found = streams.findIndex(({ subjects }) => subjects.some(filter => matches(filter, subject)))
    if (found < 0)
      throw new JetStreamIOError(
        'SubjectNotInStream',
        `${label}: none of the streams ${names} takes the subject ${subject}. Correct the subject, or add it to one of them.`,
      )
    if (known.size >= mostKnown) known.clear()
    known.set(subject, found)
    return found
  }

  const sorted = ({ destinations, headers, payloads, positions, ordinals }: OutputBatch): ReadonlyArray<OutputBatch> => {
    const parts = streams.map(emptyOutputs)
    for (const [i, subject] of destinations.entries()) {
      const part = parts[streamOf(subject)]
      const payload = payloads[i]
      if (part === undefined || payload === undefined) continue
      part.destinations.push(subject)
      part.headers.push(headers[i] ?? null)
      part.payloads.push(payload)
      part.positions.push(positions[i] ?? 0)
      part.ordinals.push(ordinals[i] ?? 0)
      part.bytes += payload.length
    }
    return parts
  }

  const together = (recorded: ReadonlyArray<unknown>): unknown =>
    ofStreams(
      Object.fromEntries(
        streams.flatMap(({ stream }, i) => (isPosition(recorded[i]) ? [[stream, recorded[i]] as [string, Position]] : [])),
      ),
    )

  return {
    protocol: together(streams.map(({ sink }) => sink.protocol)),
    way: streams.map(({ sink }) => sink.way).join(', '),
    guarantee: streams.map(({ sink }) => sink.guarantee).join('\n'),
    publish: (origin, outputs) => {
      for (const [i, part] of sorted(outputs).entries()) if (part.payloads.length > 0) streams[i]?.sink.publish(origin, part)
    },
    passed: origins => {
      for (const { sink } of streams) sink.passed?.(origins)
    },
    recalls: () => streams.some(({ sink }) => sink.recalls?.() === true),
    congested: () => streams.some(({ sink }) => sink.congested()),
    onReady: callback => {
      for (const { sink } of streams) sink.onReady(callback)
    },
    failure: () => streams.map(({ sink }) => sink.failure()).find(failure => failure !== null) ?? null,
    flush: async () => together(await Promise.all(streams.map(({ sink }) => sink.flush()))),
    commit: async (id, outputs, recovering) => {
      const parts = sorted(outputs)
      await Promise.all(streams.map(({ sink }, i) => sink.commit(id, parts[i] ?? emptyOutputs(), recovering)))
    },
    close: async () => {
      await Promise.all(streams.map(({ sink }) => sink.close()))
    },
    metrics: () =>
      Object.fromEntries(
        streams.flatMap(({ stream, sink }) => Object.entries(sink.metrics()).map(([key, value]) => [`${stream}.${key}`, value])),
      ),
    latency: () => Latency.merge(streams.map(({ sink }) => sink.latency?.() ?? Latency.none)),
  }
}
