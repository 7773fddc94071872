// Every function that takes what others wrote: decoders, configurations, addresses, subjects, headers, redaction. Each returns what it made of
// an input, or throws one of the errors that it documents.
import * as O from 'fp-ts/lib/Option.js'
import { z } from 'zod'
import { checkpointPlace } from '../../runners/cli/checkpoint-place.ts'
import { parseCommandLine } from '../../runners/cli/command-line.ts'
import { parseDuration, runnerOptions } from '../../runners/cli/run-options.ts'
import { unseal } from '../../runners/checkpoint/sealed-text.ts'
import { checkSavepointName } from '../../runners/checkpoint/savepoint-name.ts'
import { folderName } from '../../runners/checkpoint/job-folder.ts'
import { showElement } from '../../runners/harness/errors.ts'
import { failureText } from '../../runners/cli/failure-text.ts'
import { parsePubAck } from '../../io/jetstream/pub-ack.ts'
import { checkedHeaders, headerLine } from '../../io/jetstream/outgoing-headers.ts'
import { refusedFilter, refusedSubject, requireDataSubject, subject } from '../../io/jetstream/subject.ts'
import { matches, overlaps, refusalOfFilters } from '../../io/jetstream/subject-filter.ts'
import { JetStreamConfig, JetStreamIO, JetStreamIOError } from '../../io/jetstream/index.ts'
import { addressOf, refusedPort, shownServers } from '../../io/nats/address.ts'
import { parseJson, parseYaml } from '../../io/settings/documents.ts'
import { parseProperties } from '../../io/settings/properties.ts'
import { Coder, Decoder, globalWindow, intervalWindow, pane, windowedValue } from '../../sdk/coders/index.ts'
import { Instant } from '../../sdk/model/time.ts'
import { redactedFields, withoutSecrets } from '../../sdk/model/redaction.ts'
import { redactedText, withoutSecretsIn } from '../../sdk/model/secret-text.ts'
import * as E from 'fp-ts/lib/Either.js'

export interface Door {
  readonly name: string
  readonly samples: ReadonlyArray<Uint8Array>
  /** Gives what it made of the input. */
  readonly call: (input: Uint8Array) => unknown
  /** Errors that it documents. */
  readonly mayThrow: (error: unknown) => boolean
}

const never = (): boolean => false
const utf8 = (text: string): Uint8Array => Buffer.from(text)

const decoder = <A>(
  name: string,
  coder: { readonly decode: (bytes: Uint8Array) => unknown; readonly encode?: (a: A) => Uint8Array },
  ...values: ReadonlyArray<A>
): Door => ({
  name: `decode ${name}`,
  samples: values.flatMap(value => coder.encode?.(value) ?? []),
  call: coder.decode,
  mayThrow: never,
})

/** `latin1`: of half of the inputs each byte is a character; the other half is UTF-8 with halves of characters. */
const texts = (
  name: string,
  call: (text: string) => unknown,
  samples: ReadonlyArray<string> = [],
  mayThrow: Door['mayThrow'] = never,
): Door => ({
  name,
  samples: samples.map(utf8),
  call: input =>
    call(
      input.length % 3 === 0
        ? Buffer.from(input).toString('latin1')
        : input.length % 3 === 1
          ? Buffer.from(input).toString()
          : Buffer.from(input.subarray(0, input.length & ~1)).toString('utf16le'),
    ),
  mayThrow,
})

const isIoError = (error: unknown): boolean => error instanceof JetStreamIOError
const isRangeError = (error: unknown): boolean => error instanceof RangeError && !/call stack/i.test(error.message)

const nested = { a: [1, 'ü', null, undefined, 2n ** 70n, new Date(5), new Map([['k', new Set([1])]]), new Uint8Array(9)], b: { c: -1.5 } }
const json = '{"id":"x","tags":["a",{"deep":[[[1,2.5e3,true,null]]]}],"\\u00fc":"\\ud83d\\ude00"}'
const yaml = 'connection:\n  servers: nats://a:4222\nsource:\n  stream: VIEWS\n  splits: 4\n  subjects: [a.b, "c.>"]\n'
const properties = 'jetbeam.connection.servers=nats://a:4222\njetbeam.source.stream = VIEWS\\\n  X\n# note\n'
const address = 'nats://ann:p%40ss@host:4222/STATE'
const log = 'lost nats://u:p@h:1, password=x, "token":"y", eyJhbGciOiJ.eyJqdGkiOiJ.c2ln Bearer abc123'
const item = z.object({ id: z.string(), tags: z.array(z.unknown()) })

const decoders: ReadonlyArray<Door> = [
  decoder('bytes', Coder.bytes, new Uint8Array([1, 2])),
  decoder('string', Coder.string, 'aü€'),
  decoder('varint', Coder.varint, 5, -5, 2 ** 50),
  decoder('double', Coder.double, 1.5),
  decoder('boolean', Coder.boolean, true),
  decoder('instant', Coder.instant, Instant.ofMillis(5)),
  decoder('structural', Coder.structural<unknown>(), nested, [[[[[]]]]], 'x'.repeat(100)),
  decoder('json', Coder.json(z.unknown()), nested.b, ['x']),
  decoder('json schema', Coder.json(item), { id: 'x', tags: [[1]] }),
  decoder('nullable', Coder.nullable(Coder.string), 'a', null),
  decoder('option', Coder.option(Coder.varint), O.some(3), O.none),
  decoder('either', Coder.either(Coder.string, Coder.varint), E.right(1), E.left('x')),
  decoder('kv', Coder.kv(Coder.string, Coder.structural<unknown>()), ['k', nested]),
  decoder('iterable', Coder.iterable(Coder.string), ['a', 'b']),
  decoder('iterable of empties', Coder.iterable(Coder.iterable(Coder.struct({}))), [[{}, {}], [{}]]),
  decoder('struct', Coder.struct({ a: Coder.iterable(Coder.boolean), b: Coder.bytes }), { a: [true], b: new Uint8Array(3) }),
  decoder(
    'imap',
    Coder.imap(
      (s: string) => E.right(s.split('/')),
      (p: string[]) => p.join('/'),
    )(Coder.string),
    ['a', 'b'],
  ),
  decoder('window', intervalWindow),
  decoder('global window', globalWindow),
  decoder('pane', pane),
  decoder('windowed value', windowedValue(Coder.structural<unknown>(), intervalWindow)),
  { ...decoder('Decoder.json', Decoder.json(z.unknown())), samples: [utf8(json), utf8('['.repeat(600) + ']'.repeat(600))] },
  { ...decoder('Decoder.text', Decoder.text), samples: [utf8('aü€')] },
]

const configurations: ReadonlyArray<Door> = [
  texts('JetStreamConfig.json', text => JetStreamConfig.json(text), ['{"source":{"stream":"VIEWS","splits":4}}'], isIoError),
  texts('JetStreamConfig.yaml', text => JetStreamConfig.yaml(text), [yaml], isIoError),
  texts('JetStreamConfig.properties', text => JetStreamConfig.properties(text), [properties], isIoError),
  texts('parseJson', parseJson, [json]),
  texts('parseYaml', parseYaml, [yaml]),
  texts('parseProperties', parseProperties, [properties]),
  texts('JetStreamIO.connection', text => JetStreamIO.connection({ servers: text, user: text, password: text }), [address], isIoError),
  texts('JetStreamIO.read', text => JetStreamIO.read({ stream: text, subjects: [text], coder: Decoder.bytes }), ['VIEWS'], isIoError),
  texts('--checkpoints', text => checkpointPlace(text, undefined), [address, 'tls://a,b/S', './state']),
  texts('--every', parseDuration, ['500ms', '1.5h']),
  texts('run options', text => runnerOptions({ nats: text, workers: text, until: text, log: text }, []), [address]),
  texts('command line', text => parseCommandLine(text.split(' '), { options: [], open: text.length % 2 === 0 }), [
    '--job x --nats a --strict',
  ]),
]

const names: ReadonlyArray<Door> = [
  texts('subject', text => subject`a.${text}`, ['a b.c'], isIoError),
  texts('refusedSubject', refusedSubject, ['a.b.c']),
  texts('requireDataSubject', text => requireDataSubject(text, 'write'), ['a.b.c'], isIoError),
  texts('refusedFilter', refusedFilter, ['a.*.>']),
  texts('refusalOfFilters', text => refusalOfFilters(text.split(',')), ['a.*,b.>,c']),
  texts('matches', text => [matches(text, 'a.b.c'), matches('a.*.>', text), overlaps(text, 'a.*.>')], ['a.*.>']),
  texts('checkedHeaders', text => checkedHeaders({ [text]: [text], A: [text] }, true, 'write'), ['X-A'], isIoError),
  texts('headerLine', headerLine, ['a  b']),
  texts('addressOf', text => [addressOf(text), refusedPort(text), shownServers(text.split(','))], [address]),
  texts('folderName', folderName, ['page-time', 'A b']),
  texts(
    'savepoint name',
    text => checkSavepointName(text),
    ['monday'],
    error => error instanceof Error && error.name !== 'TypeError',
  ),
  {
    name: 'parsePubAck',
    samples: [utf8('{"stream":"OUT","seq":5}'), utf8('{"error":{"code":400,"err_code":10071}}')],
    call: parsePubAck,
    mayThrow: never,
  },
  texts('unseal', text => unseal(1, text), ['{"version":1,"sha256":"00","content":{}}\n']),
]

const errorOf = (text: string): Error =>
  Object.assign(new Error(text), { input: text, stack: `Error: ${text}\n    at x (file:///a.js:1:2)` })

const redactions: ReadonlyArray<Door> = [
  texts('redactedText', redactedText, [log]),
  texts('withoutSecretsIn', text => withoutSecretsIn(text), [log]),
  texts('redactedFields', text => redactedFields({ [text]: text, error: errorOf(text), list: [text] }), [log]),
  texts('withoutSecrets', text => withoutSecrets(new Error('outer', { cause: errorOf(text) })), [log]),
  texts('showElement', text => showElement({ text, password: text, list: [text] }), [log]),
  texts(
    'failureText',
    text =>
      failureText('p', {
        _tag: 'UserCodeFailed',
        transform: text,
        element: text,
        split: null,
        position: null,
        message: text,
        cause: errorOf(text),
      }),
    [log],
  ),
]

export const doors: ReadonlyArray<Door> = [...decoders, ...configurations, ...names, ...redactions]

/** Of the errors above, those that a reader would take for a fault of ours. */
export const isOverflow = (error: unknown): boolean => error instanceof RangeError && !isRangeError(error)
