// Readers and sinks as their runs call them: what one of their methods throws is attributed to its transform.
import type { ConnectedSink } from '../../sdk/graph/sink.ts'
import { Latency } from '../../sdk/model/histogram.ts'
import type { SplitReader } from '../../sdk/splittable/source.ts'
import { attributedTo } from './errors.ts'

/** `work`, or an IoError of the transform. */
const attributed = <A>(transform: string, work: () => A): A => {
  try {
    return work()
  } catch (cause) {
    throw attributedTo(transform, cause)
  }
}

/** A method that an object may leave out stays left out. */
const optional = <F>(method: unknown, guarded: F): F | undefined => (method === undefined ? undefined : guarded)

export const guardedReader = (transform: string, reader: SplitReader<unknown>): SplitReader<unknown> => {
  const guard = <A>(work: () => A): A => attributed(transform, work)
  return {
    poll: most => guard(() => reader.poll(most)),
    giveUp: optional(reader.giveUp, reason => guard(() => reader.giveUp?.(reason) ?? null)),
    status: () => guard(() => reader.status()),
    lag: () => guard(() => reader.lag()),
    lagMs: optional(reader.lagMs, nowMs => guard(() => reader.lagMs?.(nowMs) ?? null)),
    onChange: callback => guard(() => reader.onChange(callback)),
    truncate: to => guard(() => reader.truncate(to)),
    commit: optional(reader.commit, async progress => guard(() => reader.commit?.(progress))),
    wantsCommit: optional(reader.wantsCommit, () => guard(() => reader.wantsCommit?.() === true)),
    metrics: optional(reader.metrics, () => guard(() => reader.metrics?.() ?? {})),
    close: async () => guard(() => reader.close()),
  }
}

export const guardedSink = (transform: string, sink: ConnectedSink): ConnectedSink => {
  const guard = <A>(work: () => A): A => attributed(transform, work)
  return {
    protocol: sink.protocol,
    guarantee: sink.guarantee,
    way: sink.way,
    written: sink.written,
    publish: (origin, outputs) => guard(() => sink.publish(origin, outputs)),
    passed: optional(sink.passed, origins => guard(() => sink.passed?.(origins))),
    recalls: optional(sink.recalls, () => guard(() => sink.recalls?.() === true)),
    congested: () => guard(() => sink.congested()),
    onReady: callback => guard(() => sink.onReady(callback)),
    failure: () => guard(() => sink.failure()),
    flush: async () => guard(() => sink.flush()),
    commit: async (id, outputs, recovering) => guard(() => sink.commit(id, outputs, recovering)),
    close: async () => guard(() => sink.close()),
    metrics: () => guard(() => sink.metrics()),
    latency: optional(sink.latency, () => guard(() => sink.latency?.() ?? Latency.none)),
  }
}
