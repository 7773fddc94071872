// Elements at times of their own.
import { apply, type PCollection } from '../graph/pcollection.ts'
import type { Duration, Instant } from '../model/time.ts'

/**
 * Gives each element the timestamp that `f` reads from it (Beam's WithTimestamps). Windows that were assigned before stay as they are:
 * it belongs before Window.into. Throws a RangeError for an `allowedSkew` that is negative.
 *
 * @param o `allowedSkew`: how far a timestamp may lie before the element's old one; none unless told, since the watermark may have
 *   passed it. What lies further back ends the run
 * @example
 * pipe(views, PCollection.withTimestamps(view => view.at))
 * const began = (view: PageView) => Instant.minus(millis(view.millis))(view.at)
 * pipe(views, PCollection.withTimestamps(began, { allowedSkew: minutes(1) }))
 */
export const withTimestamps =
  <A>(f: (a: A) => Instant, o?: { readonly allowedSkew?: Duration | undefined }) =>
  (pc: PCollection<A>): PCollection<A> => {
    const allowedSkewMs = o?.allowedSkew ?? 0
    if (allowedSkewMs < 0)
      throw new RangeError(`PCollection.withTimestamps: allowedSkew is a length of time, and ${allowedSkewMs} ms is negative`)
    return apply({ _tag: 'WithTimestamps', f, allowedSkewMs }, [pc], { kind: 'withTimestamps' })
  }
