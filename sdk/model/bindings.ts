// What a pipeline refers to by name and the place that runs it provides.

/** What a pipeline names, as plain data: it travels to threads. `JetStreamIO.connection` makes one; a run takes it as `provide`. */
export interface Binding {
  readonly _tag: 'Binding'
  /** Under which sources and sinks find it: `jetstream:default`. */
  readonly key: string
  /** JSON. What it means is between its maker and whoever looks for it. */
  readonly settings: unknown
}

/** The same as a live object, which cannot leave its thread: `JetStreamIO.existingConnection` makes one. */
export interface LocalBinding {
  readonly _tag: 'LocalBinding'
  /** As a Binding's. */
  readonly key: string
  /** The object itself. */
  readonly value: unknown
}

/**
 * A process's hold of its job. Where it is in doubt, another process may run the same job: a source or sink then publishes, acknowledges
 * and writes nothing, and goes on once it is confirmed. A run without checkpoints always holds.
 */
export interface HostLease {
  /** Whether the lease is confirmed at this moment. To be called right before anything that others can see. */
  readonly held: () => boolean
  /** Resolves once it is confirmed; rejects when the run ends, or another process has taken the job over. */
  readonly whenHeld: () => Promise<void>
}

/** What sources and sinks are told of the place they run in. */
export interface HostContext {
  /** Whether this process may act for its job now. */
  readonly lease: HostLease
  /** What was provided under a key. */
  readonly binding: (key: string) => Binding | LocalBinding | undefined
  /** For messages that nobody waits for: a reconnect, a gap that was skipped. */
  readonly log: (level: 'info' | 'warn' | 'error', message: string, fields?: Readonly<Record<string, unknown>>) => void
  /** Aborted when the run stops for good; pending I/O then ends. */
  readonly signal: AbortSignal
}

/** The JetStream streams that a source or sink uses, and the name of their connection. */
export interface JetStreamUse {
  /** The name of the connection. */
  readonly connection: string
  /** The names of the streams. A key-value bucket B is the stream KV_B. */
  readonly streams: ReadonlyArray<string>
}
