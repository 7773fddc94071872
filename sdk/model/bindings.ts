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

/** What sources and sinks are told of the place they run in. */
export interface HostContext {
  /** What was provided under a key. */
  readonly binding: (key: string) => Binding | LocalBinding | undefined
  /** For messages that nobody waits for: a reconnect, a gap that was skipped. */
  readonly log: (level: 'info' | 'warn' | 'error', message: string, fields?: Readonly<Record<string, unknown>>) => void
  /** Aborted when the run stops for good; pending I/O then ends. */
  readonly signal: AbortSignal
}
