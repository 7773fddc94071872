// What becomes of a read whose next messages are gone: plain data.

/** What a read does about messages that were erased before it came to them: see {@link Erased}. */
export interface ErasedPolicy {
  /** Its name in a configuration. */
  readonly _tag: 'fail' | 'skip'
}

/**
 * What a read by position does where a NATS stream has erased what comes next: a purge, or limits (max_age, max_msgs, max_bytes) that passed
 * the position of a checkpoint, or the reader itself.
 *
 * `fail`: the run ends with MessagesErased. `skip`: it goes on with what is there, and logs a warning with how many sequences are gone
 * (`erased`), and how many since the read was opened (`erasedInAll`); some may have been of other subjects. Single messages that were deleted
 * are passed over in any case.
 *
 * @example
 * JetStreamIO.read({ stream: 'VIEWS', coder: viewCoder, erased: Erased.skip })
 * JetStreamIO.read({ stream: 'VIEWS', coder: viewCoder, erased: Erased.fail }) // as without it
 */
export const Erased = {
  /** The run ends; the default. */
  fail: Object.freeze({ _tag: 'fail' }) as ErasedPolicy,
  /** It goes on with what is there, and says how much is gone. */
  skip: Object.freeze({ _tag: 'skip' }) as ErasedPolicy,
} as const
