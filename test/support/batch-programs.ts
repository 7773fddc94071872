// A relay whose outputs wait for their checkpoint and leave in atomic batches, with the headers that came.
import { Coder, PCollection, Pipeline, pipe } from 'jetbeam'
import { Delivery, JetStreamIO } from 'jetbeam/io/jetstream'

export const batchRelay = Pipeline.define(import.meta, 'batch-relay', () =>
  pipe(
    JetStreamIO.readMessages({ stream: 'IN', coder: Coder.string }),
    PCollection.orFail,
    PCollection.map(({ value, headers }) => ({ subject: 'out.a', value, headers })),
    JetStreamIO.writeMessages({ stream: 'OUT', coder: Coder.string, delivery: Delivery.atomicBatch }),
  ),
)
