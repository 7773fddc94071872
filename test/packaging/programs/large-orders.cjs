// The first pipeline of the README in plain JavaScript, as a CommonJS module.
'use strict'
const { Decoder, Encoder, PCollection, Pipeline, pipe } = require('jetbeam')
const { main } = require('jetbeam/cli')
const { JetStreamIO } = require('jetbeam/io/jetstream')

const isOrder = value => typeof value === 'object' && value !== null && 'id' in value && typeof value.total === 'number'

exports.largeOrders = Pipeline.define(module, 'large-orders', () =>
  pipe(
    JetStreamIO.read({ stream: 'ORDERS', coder: Decoder.json(isOrder) }),
    PCollection.orFail,
    PCollection.filter(order => order.total >= 100),
    JetStreamIO.write({ stream: 'LARGE_ORDERS', subject: 'large.orders', coder: Encoder.json(), createSubjects: ['large.>'] }),
  ),
)

void main(module, exports.largeOrders)
