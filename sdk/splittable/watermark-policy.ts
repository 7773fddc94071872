// How a source's watermark follows the timestamps of its elements, as plain data.
import type { Duration } from '../model/time.ts'

/**
 * How a source's watermark follows its elements' timestamps: made by {@link Watermark}. It stays `outOfOrdernessMs` behind the greatest;
 * `idleAfterMs` lets an idle split advance to now minus that.
 */
export interface WatermarkPolicy {
  readonly _tag: 'WatermarkPolicy'
  readonly outOfOrdernessMs: number
  readonly idleAfterMs: number | null
}

const boundedOutOfOrderness = (d: Duration, o?: { readonly idleAfter?: Duration | undefined }): WatermarkPolicy => {
  if (!(d >= 0)) throw new RangeError(`Watermark.boundedOutOfOrderness(${String(d)}): a bound is a duration from 0`)
  return Object.freeze({ _tag: 'WatermarkPolicy', outOfOrdernessMs: d, idleAfterMs: o?.idleAfter ?? null })
}

/**
 * How a source's watermark follows the timestamps of its elements (as the TimestampPolicy of Beam's KafkaIO).
 *
 * `boundedOutOfOrderness(d)`: the greatest timestamp so far minus `d`; a RangeError for a bound that is no duration. With `idleAfter`, a
 * split that the server has had nothing for since so long advances to now minus `d`; without it, it waits for the next message.
 * `monotonic`: the greatest timestamp so far; the default.
 *
 * @example
 * JetStreamIO.read({ stream: 'VIEWS', coder: viewCoder, timestamp: v => v.at, watermark: Watermark.boundedOutOfOrderness(seconds(10)) })
 * JetStreamIO.read({ stream: 'VIEWS', coder: viewCoder, watermark: Watermark.monotonic }) // by the time of publication
 */
export const Watermark = Object.freeze({
  boundedOutOfOrderness,
  monotonic: Object.freeze<WatermarkPolicy>({ _tag: 'WatermarkPolicy', outOfOrdernessMs: 0, idleAfterMs: null }),
})
