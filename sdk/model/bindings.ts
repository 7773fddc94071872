// What a pipeline refers to by name and the place that runs it provides.

/** Plain data: it travels to threads. */
export interface Binding {
  readonly _tag: 'Binding'
  readonly key: string
  readonly settings: unknown
}

/** A live object: it cannot leave its thread. */
export interface LocalBinding {
  readonly _tag: 'LocalBinding'
  readonly key: string
  readonly value: unknown
}

/** What sources and sinks are told of the place they run in. */
export interface HostContext {
  readonly binding: (key: string) => Binding | LocalBinding | undefined
  /** For messages that nobody waits for: a reconnect, a gap that was skipped. */
  readonly log: (level: 'info' | 'warn' | 'error', message: string, fields?: Readonly<Record<string, unknown>>) => void
  /** Aborted when the run stops for good; pending I/O then ends. */
  readonly signal: AbortSignal
}
