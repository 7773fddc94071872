// What a stage has done in one task, and how long it took: looked at once a bundle, so that an element pays nothing.
import { LatencyRecorder } from '../../sdk/model/histogram.ts'

export class StageWork {
  /** Milliseconds that never go back; always 0 where nobody measures. */
  readonly clock: () => number
  readonly latency = new LatencyRecorder()
  elementsIn = 0
  elementsOut = 0
  bytesIn = 0
  bytesOut = 0
  /** In its own functions, those of its head included. */
  busyMs = 0
  readonly #ofCalls: boolean
  #inHead = false
  /** What the head has handed on took so long, here and behind, and is not the head's own time. */
  #behindMs = 0
  /** Of the steps that run: what they have handed on since they began took so long, and is not their own time. */
  #awayMs = 0

  /** `ofCalls`: how long it takes is how long its head's calls take. */
  constructor(clock: () => number, ofCalls: boolean) {
    this.clock = clock
    this.#ofCalls = ofCalls
  }

  /** So much has come in. */
  took(elements: number, bytes: number): void {
    this.elementsIn += elements
    this.bytesIn += bytes
  }

  /** So much has gone out. */
  gave(elements: number, bytes: number): void {
    this.elementsOut += elements
    this.bytesOut += bytes
  }

  /** The stage's steps ran over so many elements. */
  ran(began: number, elements: number): void {
    const ms = Math.max(0, this.clock() - began - this.#awayMs)
    this.#awayMs = 0
    this.busyMs += ms
    if (!this.#inHead && !this.#ofCalls) this.latency.record(ms, elements)
  }

  /** In the middle of its steps, what had come out of them was handed on. */
  wasAway(began: number): void {
    const ms = this.clock() - began
    this.#awayMs += ms
    if (this.#inHead) this.#behindMs += ms
  }

  /** The head begins to work; gives what `headRan` is told. */
  enterHead(): number {
    this.#inHead = true
    this.#behindMs = 0
    return this.clock()
  }

  /** What came out of a stage's steps was handed on. */
  handedOn(began: number): void {
    if (this.#inHead) this.#behindMs += this.clock() - began
  }

  /** The head is done with so many new elements; none where a watermark or the clock moved it. */
  headRan(began: number, elements: number): void {
    const ms = Math.max(0, this.clock() - began - this.#behindMs)
    this.#inHead = false
    this.busyMs += ms
    if (elements > 0) this.latency.record(ms, elements)
  }

  /** An asynchronous call of its head has ended. */
  called(ms: number): void {
    this.latency.record(ms)
  }
}
