// How often an output may appear, and in which way it gets there: asked for by the user, kept or refused by the sink.

/** How often an output may appear: {@link Delivery} has all of them. */
export interface Delivery {
  readonly _tag: 'exactlyOnce' | 'atomicBatch' | 'chain' | 'messageIds' | 'atLeastOnce' | 'atMostOnce'
}

const delivery = (_tag: Delivery['_tag']): Delivery => Object.freeze({ _tag })

/**
 * `exactlyOnce`: each output is stored once, whatever crashes; the default. It takes the best way that the server, the stream and the
 * pipeline offer, and says in the log which one and why; what cannot keep it is refused at start. `atomicBatch`, `chain` and `messageIds`
 * are those ways, each asked for by itself, and refused where it cannot be. `atLeastOnce`: an output may be stored again after a failure; any stream will do.
 * `atMostOnce`: an output leaves once its checkpoint is durable, and what is lost on the way is lost.
 *
 * @example
 * const to = { stream: 'LATEST', subject: (view: PageView) => subject`latest.${view.user}`, coder: Encoder.json() }
 * pipe(views, JetStreamIO.write({ ...to, delivery: Delivery.atLeastOnce }))
 * pipe(views, JetStreamIO.write({ ...to, delivery: Delivery.exactlyOnce })) // as without it
 */
export const Delivery = {
  /** Stored once; the default. */
  exactlyOnce: delivery('exactlyOnce'),
  /**
   * Stored once: in atomic batches, each with a marker that fences whoever wrote before. Outputs wait for their checkpoint. It needs a
   * server from 2.12.1 and a stream with allow_atomic and a wildcard in one of its subjects, where the markers lie: messages of their own,
   * on subjects with a token that begins with `_jetbeam-`. Reads of this package leave them out.
   *
   * @example
   * const to = { stream: 'LATEST', subject: (view: PageView) => subject`latest.${view.user}`, coder: Encoder.json() }
   * pipe(views, JetStreamIO.write({ ...to, delivery: Delivery.atomicBatch }))
   */
  atomicBatch: delivery('atomicBatch'),
  /**
   * Stored once and in order: each message says which one it follows. It needs a stream that nobody else writes to, and one thread that writes.
   *
   * @example
   * const to = { stream: 'LATEST', subject: (view: PageView) => subject`latest.${view.user}`, coder: Encoder.json() }
   * pipe(views, JetStreamIO.write({ ...to, delivery: Delivery.chain }))
   */
  chain: delivery('chain'),
  /**
   * Stored once: each message has an id, and after a failure the stream is searched for ids.
   *
   * @example
   * const to = { stream: 'LATEST', subject: (view: PageView) => subject`latest.${view.user}`, coder: Encoder.json() }
   * pipe(views, JetStreamIO.write({ ...to, delivery: Delivery.messageIds }))
   */
  messageIds: delivery('messageIds'),
  /** Stored again after a failure, perhaps. */
  atLeastOnce: delivery('atLeastOnce'),
  /**
   * Stored once or not at all.
   *
   * @example
   * const to = { stream: 'LATEST', subject: (view: PageView) => subject`latest.${view.user}`, coder: Encoder.json() }
   * pipe(views, JetStreamIO.write({ ...to, delivery: Delivery.atMostOnce }))
   */
  atMostOnce: delivery('atMostOnce'),
} as const
