// Whether a read tells its server what it may forget, and when: plain data.

/** How a read acknowledges: see {@link Acknowledge}. */
export type AcknowledgePolicy = {
  /** Its name in a configuration. */
  readonly _tag: 'none' | 'onCheckpoint'
}

/**
 * Whether a read acknowledges what it has read, as NATS calls it: then the server forgets a message, or that it is pending.
 *
 * `none`: it never does, and reads by position, which a checkpoint holds: streams with limits retention. `onCheckpoint`: once a checkpoint
 * that holds what follows from a message is durable, and its outputs were published, the message is acknowledged, and the acknowledgment
 * confirmed: work queues and streams by interest, which erase what is acknowledged. What is delivered again is dropped.
 *
 * There is no policy by which a function acknowledges: before a checkpoint that would lose the message with it, and behind one it is
 * `onCheckpoint`.
 *
 * @example
 * JetStreamIO.read({ stream: 'JOBS', coder: viewCoder, acknowledge: Acknowledge.onCheckpoint, consumer: 'shop' })
 * JetStreamIO.read({ stream: 'VIEWS', coder: viewCoder, acknowledge: Acknowledge.none }) // as without it
 */
export const Acknowledge = {
  /** By position, without a word to the server; the default. */
  none: Object.freeze({ _tag: 'none' }) as AcknowledgePolicy,
  /** Behind each checkpoint. */
  onCheckpoint: Object.freeze({ _tag: 'onCheckpoint' }) as AcknowledgePolicy,
} as const
