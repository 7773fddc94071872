// Figures of sinks and readers: what each measures, for those who scrape them.

/** What a figure is. `unknown`: a connector's own that is not in the table below. */
export interface Figure {
  readonly kind: 'counter' | 'gauge' | 'unknown'
  readonly help: string
}

const counter = (help: string): Figure => ({ kind: 'counter', help })
const gauge = (help: string): Figure => ({ kind: 'gauge', help })

const sinkFigures: Readonly<Record<string, Figure>> = {
  rows: counter('Outputs handed to the sink.'),
  bytes: counter('Payload bytes handed to the sink.'),
  published: counter('Messages stored by the server.'),
  duplicates: counter('Messages that the server already had.'),
  resent: counter('Messages sent again.'),
  recoveries: counter('Searches for messages that may have been stored before.'),
  foundStored: counter('Messages that such a search found stored.'),
  batches: counter('Atomic batches committed.'),
  refreshed: counter('Markers of atomic batches written again before they expire.'),
  skipped: counter('Outputs left out because they were stored before, or may have been.'),
  givenUp: counter('Messages sent at most once that may not have arrived.'),
  put: counter('Entries or objects stored.'),
  conflicts: counter('Entries that another writer had changed.'),
  again: counter('Entries stored again after a failure.'),
  found: counter('Objects that were stored before.'),
  rejected: counter('Outputs handed to onRejected.'),
  lines: counter('Lines written.'),
  reconnects: counter('Times the connection came back after it was lost.'),
  inFlight: gauge('Messages sent and not yet acknowledged.'),
  disconnected: gauge('Threads whose connection is down.'),
}

const readerFigures: Readonly<Record<string, Figure>> = {
  renewals: counter('Times that reading went on with a new consumer.'),
  redeliveries: counter('Messages delivered again by the server.'),
  duplicates: counter('Redeliveries dropped because they had been handed on.'),
  pendingAcks: gauge('Messages handed on and not yet acknowledged.'),
  disconnected: gauge('1 while the connection is down, else 0.'),
}

/** The figure of this name. */
export const figureOf = (of: 'sink' | 'split', name: string): Figure =>
  (of === 'sink' ? sinkFigures : readerFigures)[name] ?? {
    kind: 'unknown',
    help: `The figure ${name} of a ${of === 'sink' ? 'sink' : 'reader'}.`,
  }
