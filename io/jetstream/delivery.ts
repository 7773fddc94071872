// How often an output may appear: asked for by the user, kept or refused by the sink.

export interface Delivery {
  readonly _tag: 'exactlyOnce' | 'atLeastOnce'
}

/**
 * `exactlyOnce`: each output is stored once, whatever crashes; the default. What cannot keep it is refused at start. `atLeastOnce`: an
 * output may be stored again after a failure; any stream will do.
 *
 * @example
 * JetStreamIO.write({ stream: 'LATEST', subject: r => subject`latest.${r.id}`, coder, delivery: Delivery.atLeastOnce })
 */
export const Delivery = {
  exactlyOnce: Object.freeze({ _tag: 'exactlyOnce' }) as Delivery,
  atLeastOnce: Object.freeze({ _tag: 'atLeastOnce' }) as Delivery,
} as const
