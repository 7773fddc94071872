// Headers, texts and bytes as no client of ours writes them, for tests of what becomes of them.
import * as fc from 'fast-check'

/** Of all kinds of characters, halves of some, and what protocols are made of. */
export const oddText: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.string({ maxLength: 30 }),
  fc.string({
    unit: fc.constantFrom('\r', '\n', '\0', '\t', ' ', ':', '.', '*', '>', '$', '%', 'a', 'ü', '\u{D800}', '\u{FEFF}', 'PUB x 0'),
  }),
  fc.constantFrom('__proto__', 'constructor', '$JS.API.STREAM.DELETE.IN', '\r\nPUB in 1\r\nx\r\n', 'x'.repeat(5_000)),
)

const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

const name = fc.oneof(
  fc.constantFrom(
    'A',
    'a',
    'X-Long',
    '__proto__',
    'traceparent',
    'Traceparent',
    'tracestate',
    'Jetbeam-Error',
    'KV-Operation',
    '',
    'ä',
    'two words',
  ),
  fc.constantFrom('Nats-Msg-Id', 'nats-stream', 'Nats-Marker-Reason', 'Nats-Something'),
  fc.string({ unit: fc.constantFrom(...'abC-_!~'), minLength: 1, maxLength: 12 }),
  oddText,
)
const value = fc.oneof(fc.constantFrom('', ' blanks ', traceparent, `${traceparent}-x`, 'ff-0-0-0', 'ü'), oddText)

/** As a sink may be given it. */
export const headerRecord: fc.Arbitrary<Readonly<Record<string, ReadonlyArray<string>>>> = fc
  .uniqueArray(
    fc.tuple(
      fc.oneof({ weight: 3, arbitrary: fc.constantFrom('A', 'b-C', '__proto__', 'nats-ttl') }, { weight: 1, arbitrary: name }),
      fc.array(value, { maxLength: 3 }),
    ),
    {
      selector: ([key]) => key,
      maxLength: 4,
    },
  )
  .map(entries => Object.fromEntries(entries))

/** As it may lie in a stream, with whatever status, lines and bytes. */
export const headerBlock: fc.Arbitrary<Uint8Array> = fc
  .tuple(
    fc.constantFrom('NATS/1.0', 'NATS/1.0', 'NATS/1.0', 'NATS/1.0 503', 'NATS/1.0 100 Idle Heartbeat', 'NATS/1.0 x', ''),
    fc.array(
      fc.oneof(
        fc.tuple(name, value).map(([key, text]) => Buffer.from(`${key}: ${text}`)),
        fc.tuple(name, value).map(([key, text]) => Buffer.from(`${key}:${text}`, 'latin1')),
        fc.uint8Array({ maxLength: 40 }).map(some => Buffer.from(some)),
        fc.constant(Buffer.from(`A: ${'v'.repeat(3_000)}`)),
      ),
      { maxLength: 5 },
    ),
  )
  .map(([status, lines]) =>
    Buffer.concat([Buffer.from(status), ...lines.flatMap(line => [Buffer.from('\r\n'), line]), Buffer.from('\r\n\r\n')]),
  )
