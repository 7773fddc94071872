// How often an output may appear: asked for by the user, kept or refused by the sink.

/** How often an output may appear: {@link Delivery} has both. */
export interface Delivery {
  readonly _tag: 'exactlyOnce' | 'atLeastOnce'
}

/**
 * `exactlyOnce`: each output is stored once, whatever crashes; the default. What cannot keep it is refused at start. `atLeastOnce`: an
 * output may be stored again after a failure; any stream will do.
 *
 * @example
 * const to = { stream: 'LATEST', subject: (view: PageView) => subject`latest.${view.user}`, coder: Encoder.json() }
 * pipe(views, JetStreamIO.write({ ...to, delivery: Delivery.atLeastOnce }))
 * pipe(views, JetStreamIO.write({ ...to, delivery: Delivery.exactlyOnce })) // as without it
 */
export const Delivery = {
  /** Stored once; the default. */
  exactlyOnce: Object.freeze({ _tag: 'exactlyOnce' }) as Delivery,
  /** Stored again after a failure, perhaps. */
  atLeastOnce: Object.freeze({ _tag: 'atLeastOnce' }) as Delivery,
} as const
