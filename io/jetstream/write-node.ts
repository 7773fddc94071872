// A sink's node with or without `onRejected`: elements that cannot become outputs go to it before they reach the sink.
import { pipe } from 'fp-ts/lib/function.js'
import { type PCollection, type PDone, leaf } from '../../sdk/graph/pcollection.ts'
import type { OutputBatch, Sink } from '../../sdk/graph/sink.ts'
import type { Failure } from '../../sdk/model/failure.ts'
import { deadLetter } from '../../sdk/transforms/dead-letter.ts'
import { attempted } from '../../sdk/transforms/try-map.ts'
import { JetStreamIOError } from './errors.ts'
import { givenKind } from './given-value.ts'
import { type Output, append } from './output-row.ts'
import { PublishLimits } from './publish-limits.ts'

/** Sink for elements that cannot become outputs, each with the reason. */
export type OnRejected<A> = (rejected: PCollection<Failure<A>>) => PDone

interface WriteNode<A> {
  readonly label: string
  readonly name: string | undefined
  /** Throws for an element that can be no output. */
  readonly outputOf: (element: A) => Output
  readonly onRejected: OnRejected<A> | undefined
  readonly isTraced?: boolean | undefined
  /** `limits`: what the sink learns when it connects, where elements are checked before it. */
  readonly sinkOf: <B>(encode: (element: B, out: OutputBatch) => void, limits: PublishLimits | undefined) => Sink<B>
}

export const writeNode = <A>(o: WriteNode<A>): ((pc: PCollection<A>) => PDone) => {
  const { label, outputOf, onRejected } = o
  const names = { kind: label, name: o.name ?? null }
  if (onRejected === undefined) {
    const sink = o.sinkOf<A>((element, out) => append(out, outputOf(element)), undefined)
    return pc => leaf({ _tag: 'Write', sink }, pc, names)
  }
  requireFunction(label, 'onRejected', onRejected)
  const limits = new PublishLimits(label, o.isTraced === true)
  const sink = o.sinkOf<Output>((output, out) => append(out, output), limits)
  const checked = (element: A): Output => {
    const output = outputOf(element)
    limits.require(output.to, output.headers, output.payload)
    return output
  }
  return pc =>
    leaf(
      { _tag: 'Write', sink },
      pipe(
        attempted(`${label}.accept`, checked, output => output, pc),
        deadLetter(onRejected),
      ),
      names,
    )
}

export const requireFunction = (label: string, name: string, f: unknown): void => {
  if (f === undefined || typeof f === 'function') return
  throw new JetStreamIOError('InvalidOptions', `${label}: ${name}: it is ${givenKind(f)}. Give it a function of the element.`)
}
