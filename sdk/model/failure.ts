// What a user's function threw, as data; and how often it may try again.
import type { Duration } from './time.ts'

/** An element that a transform could not process, with the error as text: it can be written to a stream. */
export interface Failure<out A> {
  readonly _tag: 'Failure'
  /** What the function was given. */
  readonly element: A
  /** The path of the transform in the pipeline. */
  readonly transform: string
  /** Of what was thrown. */
  readonly message: string
  /** Of what was thrown; empty where that is no Error. */
  readonly stack: string
  /** How often the function was called for the element. */
  readonly attempts: number
}

/**
 * How often an asynchronous call is made again, and after which pauses: see {@link AsyncOptions}. Plain data, not a constructor: `while` then
 * sees the error type of the call beside it.
 */
export interface Retry<in E> {
  /** How often it is called at the most, the first call included. */
  readonly attempts: number
  /** The pause before the second attempt; it doubles from there. 100 ms unless told. */
  readonly initial?: Duration | undefined
  /** The longest pause. 30 s unless told. */
  readonly max?: Duration | undefined
  /** The share of a pause that is drawn at random, from 0 to 1. 0.2 unless told. */
  readonly jitter?: number | undefined
  /** Which failures are worth another attempt; all, if it is left out. */
  readonly while?: ((error: E) => boolean) | undefined
}
