// Why event time goes no further: the first transform, from the sources on, whose watermark is the lowest of all, and what keeps it there.

/** What holds the lowest watermark of a job. */
export interface WatermarkHold {
  /** The transform whose watermark is the lowest. */
  readonly transform: string
  /** Where its task runs; the direct runner is worker 0. */
  readonly worker: number
  /** Milliseconds of event time. */
  readonly watermark: number
  /** By Date.now: since when it was seen there. */
  readonly sinceMs: number
  /**
   * split: the slowest of its splits. window: a pane that has not fired. state: a timer, or an output that state will give. sideInput:
   * elements that wait for their side input. call: an asynchronous call under way. restriction: the slowest of its restrictions.
   * inFlight: it is on its way here, from transforms that are further.
   */
  readonly by: 'split' | 'window' | 'state' | 'sideInput' | 'call' | 'restriction' | 'inFlight'
  /** The same in words, with the split's or restriction's name and what it does. */
  readonly text: string
}
