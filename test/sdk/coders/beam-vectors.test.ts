// Bytes that Beam's SDKs agree on, from apache/beam's model/fn-execution/…/standard_coders.yaml: facts, one line each.
import { assert } from 'chai'
import type { Coder as CoderOf } from '../../../sdk/coders/coder.ts'
import { ByteReader, ByteWriter, Coder, globalWindow, intervalWindow, streamOf, windowedValue } from '../../../sdk/coders/index.ts'
import { GlobalWindow, Instant, NO_FIRING, right } from './support.ts'

const fromLatin1 = (text: string): Uint8Array => Uint8Array.from(text, character => character.charCodeAt(0))
const ascii = (text: string): Uint8Array => fromLatin1(text)
const at = (millis: number): Instant => Instant.ofMillis(millis)
const interval = (end: number, span: number) => ({ start: at(end - span), end: at(end) })

/** Checks both directions, outside and nested, against the bytes written as characters. */
const agrees = <A>(coder: CoderOf<A>, wire: string, value: A, where: 'outer' | 'nested' | 'both' = 'both'): void => {
  const expected = fromLatin1(wire)
  if (where !== 'nested') {
    assert.deepEqual(coder.encode(value), expected)
    assert.deepEqual(right(coder.decode(expected)), value)
  }
  if (where !== 'outer') {
    const stream = streamOf(coder)
    const w = new ByteWriter(1)
    stream.write(value, w)
    assert.deepEqual(w.finish(), expected)
    const r = new ByteReader(expected)
    assert.deepEqual(stream.read(r), value)
    assert.strictEqual(r.remaining, 0)
  }
}

const long =
  '       10|       20|       30|       40|       50|       60|       70|       80|       90|      100|      110|      120|      130|      140|      150|      160|      170|      180|      190|      200|'

describe("Beam's standard coders agree with ours, byte for byte", () => {
  it('bytes', () => {
    agrees(Coder.bytes, 'abc', ascii('abc'), 'outer')
    agrees(Coder.bytes, 'ab\0c', ascii('ab\0c'), 'outer')
    agrees(Coder.bytes, '\u0003abc', ascii('abc'), 'nested')
    agrees(Coder.bytes, '\u0004ab\0c', ascii('ab\0c'), 'nested')
    agrees(Coder.bytes, `\u00c8\u0001${long}`, ascii(long), 'nested')
  })

  it('bool', () => {
    agrees(Coder.boolean, '\0', false)
    agrees(Coder.boolean, '\u0001', true)
  })

  it('string_utf8', () => {
    agrees(Coder.string, 'abc', 'abc', 'outer')
    agrees(Coder.string, 'ab\0c', 'ab\0c', 'outer')
    agrees(Coder.string, '\u00c3\u00bf', '\u00ff', 'outer')
    agrees(Coder.string, '\u00e5\u0085\u0089\u00e7\u00ba\u00bf', '光线', 'outer')
    agrees(Coder.string, '\u0003abc', 'abc', 'nested')
    agrees(Coder.string, '\u0002\u00c3\u00bf', '\u00ff', 'nested')
    agrees(Coder.string, '\u0006\u00e5\u0085\u0089\u00e7\u00ba\u00bf', '光线', 'nested')
    agrees(Coder.string, `\u00c8\u0001${long}`, long, 'nested')
  })

  it('varint', () => {
    const vectors: ReadonlyArray<readonly [string, number]> = [
      ['\0', 0],
      ['\u0001', 1],
      ['\u000a', 10],
      ['\u00c8\u0001', 200],
      ['\u00e8\u0007', 1000],
      ['\u00a9\u0046', 9001],
      ['\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u0001', -1],
    ]
    for (const [wire, value] of vectors) agrees(Coder.varint, wire, value)
  })

  it('double, except that -0 is written as 0', () => {
    const vectors: ReadonlyArray<readonly [string, number]> = [
      ['\0\0\0\0\0\0\0\0', 0],
      ['\u003f\u00b9\u0099\u0099\u0099\u0099\u0099\u009a', 0.1],
      ['\u00bf\u00b9\u0099\u0099\u0099\u0099\u0099\u009a', -0.1],
      ['\0\0\0\0\0\0\0\u0001', 4.9e-324],
      ['\0\u0001\0\0\0\0\0\0', 1.390671161567e-309],
      ['\u007f\u00ef\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff', 1.7976931348623157e308],
      ['\u007f\u00f0\0\0\0\0\0\0', Infinity],
      ['\u00ff\u00f0\0\0\0\0\0\0', -Infinity],
      ['\u007f\u00f8\0\0\0\0\0\0', NaN],
    ]
    for (const [wire, value] of vectors) agrees(Coder.double, wire, value)
    assert.isTrue(Object.is(right(Coder.double.decode(fromLatin1('\u0080\0\0\0\0\0\0\0'))), -0))
    assert.deepEqual(Coder.double.encode(-0), new Uint8Array(8))
  })

  it('kv', () => {
    const counted = Coder.kv(Coder.bytes, Coder.varint)
    agrees(counted, '\u0003abc\0', [ascii('abc'), 0])
    agrees(counted, '\u0004ab\0c\u000a', [ascii('ab\0c'), 10])
    const pair = Coder.kv(Coder.bytes, Coder.bytes)
    agrees(pair, '\u0003abcdef', [ascii('abc'), ascii('def')], 'outer')
    agrees(pair, '\u0004ab\0cde\0f', [ascii('ab\0c'), ascii('de\0f')], 'outer')
    agrees(pair, '\u0003abc\u0003def', [ascii('abc'), ascii('def')], 'nested')
    agrees(pair, '\u0004ab\0c\u0004de\0f', [ascii('ab\0c'), ascii('de\0f')], 'nested')
    agrees(Coder.kv(Coder.bytes, Coder.boolean), '\u0003abc\u0001', [ascii('abc'), true])
  })

  it('interval_window', () => {
    agrees(intervalWindow, '\u0080\u0000\u0001\u0052\u009a\u00a4\u009b\u0068\u0080\u00dd\u00db\u0001', interval(1454293425000, 3600000))
    agrees(
      intervalWindow,
      '\u0080\u0000\u0001\u0053\u0034\u00ec\u0074\u00e8\u0080\u0090\u00fb\u00d3\u0009',
      interval(1456881825000, 2592000000),
    )
    agrees(intervalWindow, '\u0080\u0020\u00c4\u009b\u00a5\u00e3\u0053\u00f7\u0000', { start: Instant.max, end: Instant.max })
  })

  it("interval_window at the beginning of time: Beam's first timestamp is our Instant.min", () => {
    agrees(intervalWindow, '\u007f\u00df\u003b\u0064\u005a\u001c\u00ad\u0076\u00ed\u0002', {
      start: Instant.min,
      end: at(-9223372036854410),
    })
  })

  it('iterable, of known length and in chunks', () => {
    agrees(Coder.iterable(Coder.varint), '\0\0\0\u0001\0', [0])
    agrees(Coder.iterable(Coder.varint), '\0\0\0\u0004\u0001\n\u00c8\u0001\u00e8\u0007', [1, 10, 200, 1000])
    agrees(Coder.iterable(Coder.varint), '\0\0\0\0', [])
    const several = Coder.iterable(Coder.bytes)
    agrees(several, '\0\0\0\u0002\u0004ab\0c\u0004de\0f', [ascii('ab\0c'), ascii('de\0f')])
    agrees(Coder.iterable(Coder.boolean), '\0\0\0\u0002\u0001\0', [true, false])
    agrees(Coder.iterable(globalWindow), '\0\0\0\u0001', [GlobalWindow])
    const chunked = (wire: string) => right(several.decode(fromLatin1(wire)))
    assert.deepEqual(chunked('\u00ff\u00ff\u00ff\u00ff\u0000'), [])
    assert.deepEqual(chunked('\u00ff\u00ff\u00ff\u00ff\u0001\u0003abc\u0000'), [ascii('abc')])
    assert.deepEqual(chunked('\u00ff\u00ff\u00ff\u00ff\u0002\u0004ab\u0000c\u0004de\u0000f\u0000'), [ascii('ab\0c'), ascii('de\0f')])
    assert.deepEqual(chunked('\u00ff\u00ff\u00ff\u00ff\u0001\u0003abc\u0001\u0001d\u0000'), [ascii('abc'), ascii('d')])
  })

  it('windowed_value', () => {
    const globally = windowedValue(Coder.varint, globalWindow)
    agrees(globally, '\u0080\0\u0001R\u009a\u00a4\u009bh\0\0\0\u0001\u000f\u0002', {
      value: 2,
      timestamp: at(1454293425000),
      windows: [GlobalWindow],
      pane: NO_FIRING,
    })
    const windowed = windowedValue(Coder.varint, intervalWindow)
    agrees(
      windowed,
      '\u007f\u00ff\u00ff\u00ff\u00ff\u00f9\u00e5\u0080\0\0\0\u0001\u0080\0\u0001R\u009a\u00a4\u009bh\u00c0\u008b\u0011\u000f\u0004',
      {
        value: 4,
        timestamp: at(-400000),
        windows: [interval(1454293425000, 280000)],
        pane: NO_FIRING,
      },
    )
    agrees(
      windowed,
      '\u007f\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u009c\0\0\0\u0002\u0080\0\u0001R\u009a\u00a4\u009bh\u0080\u00dd\u00db\u0001\u007f\u00df;dZ\u001c\u00adv\u00ed\u0002\u000f\u0002',
      {
        value: 2,
        timestamp: at(-100),
        windows: [interval(1454293425000, 3600000), { start: Instant.min, end: at(-9223372036854410) }],
        pane: NO_FIRING,
      },
    )
    // param_windowed_value's payloads are windowed values of nothing: timestamps, windows and panes at their least and in general
    const least = '\u007f\u00df;dZ\u001c\u00ac\u0009\u0000\u0000\u0000\u0001\u000f'
    agrees(globally, `${least}\u0002`, { value: 2, timestamp: Instant.min, windows: [GlobalWindow], pane: NO_FIRING })
    agrees(windowed, '\u0080\0\0\0\0\0\u0003\u00e8\0\0\0\u0001\u0080\0\0\0\0\0\0\u0014\n&\u001e(\u0002', {
      value: 2,
      timestamp: at(1000),
      windows: [interval(20, 10)],
      pane: { timing: 'onTime', isFirst: false, isLast: true, index: 30, nonSpeculativeIndex: 40 },
    })
  })
})
