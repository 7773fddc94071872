// Which answers of JetStream end a run at once, and which are asked for again.
import { JetStreamApiCodes } from '@nats-io/jetstream'
import { assert } from 'chai'
import { fullLimit, mayPass } from '../../../io/jetstream/api-errors.ts'

describe('An error code of JetStream', () => {
  /** Of each code that the client names: its status, and whether it may pass. */
  const ofClient: Readonly<Record<keyof typeof JetStreamApiCodes, readonly [status: number, passes: boolean]>> = {
    ConsumerNotFound: [404, true],
    StreamNotFound: [404, true],
    JetStreamNotEnabledForAccount: [503, true],
    StreamWrongLastSequence: [400, true],
    StreamWrongLastSequenceUnknown: [400, true],
    NoMessageFound: [404, true],
  }
  for (const [name, code] of Object.entries(JetStreamApiCodes))
    it(`that the client names is in the table: ${name}`, () => {
      const [status, passes] = ofClient[name as keyof typeof JetStreamApiCodes] // a key of the same enumeration
      assert.strictEqual(mayPass(status, code, ''), passes)
    })

  for (const [status, code, what] of [
    [400, 10_013, 'a consumer name that is in use'],
    [400, 10_058, 'a stream name that is in use with another configuration'],
    [400, 10_099, 'a second consumer of a work queue without a filter'],
    [400, 10_100, 'a filter of a work queue that is taken'],
    [400, 10_054, 'a message that is larger than the stream allows'],
    [500, 10_153, 'an inactive_threshold over the limit'],
    [403, 10_110, 'a message that may not be deleted'],
  ] as const)
    it(`is final: ${code}, ${what}`, () => assert.isFalse(mayPass(status, code, '')))

  for (const [status, code, what] of [
    [503, 10_008, 'a cluster without a leader'],
    [503, 10_009, 'a cluster that is not available'],
    [500, 10_077, 'a failed store'],
    [408, 0, 'a request that timed out'],
    [429, 0, 'too many requests'],
  ] as const)
    it(`may pass: ${code}, ${what}`, () => assert.isTrue(mayPass(status, code, '')))

  it('of a full stream is final, and has the name of the limit', () => {
    for (const [description, limit] of [
      ['maximum messages exceeded', 'max_msgs'],
      ['maximum bytes exceeded', 'max_bytes'],
      ['maximum messages per subject exceeded', 'max_msgs_per_subject'],
    ] as const)
      assert.deepEqual([mayPass(503, 10_077, description), fullLimit(description)], [false, limit])
  })
})
