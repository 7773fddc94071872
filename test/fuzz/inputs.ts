// Inputs from a seed: random bytes, text of what protocols are made of, and samples with a few bytes changed, cut, repeated or moved.

/** Numbers from 0 to before 1, always the same for a seed (mulberry32). */
export const drawFrom = (seed: number): (() => number) => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** What parsers look for. */
export const tokens: ReadonlyArray<string> = [
  ...' \t\r\n\0.,:;*>$%@/\\"\'`=&?#!-_~^|+()[]{}<>aZ09',
  ...['ü', '€', '\u{1F600}', '\u{D800}', '\u{DFFF}', '\u{FEFF}', '\u{2028}', '\u{85}'],
  ...['://', 'nats://', 'tls://', 'ws://', 'eyJ', 'eyJaaaaaaaa.', 'password=', 'password: ', '"token":"', 'Bearer ', 'SU', '-----BEGIN '],
  ...[
    '-----BEGIN PRIVATE KEY-----',
    '---',
    '${env:',
    '${file:',
    '}',
    '__proto__',
    'constructor',
    'user:pass@host:4222',
    'source.',
    'jetbeam.',
  ],
  ...[
    '{"a":',
    '[',
    ']',
    '}',
    '\\u',
    '\\uD800',
    '1e999',
    '-0',
    'null',
    'Nats-Msg-Id: ',
    'NATS/1.0\r\n',
    '- ',
    '? ',
    '&a ',
    '*a ',
    '!!',
    '|\n',
  ],
]

export type Draw = () => number

const below = (draw: Draw, n: number): number => Math.floor(draw() * n)
export const oneOf = <A>(draw: Draw, all: ReadonlyArray<A>): A => all[below(draw, all.length)] as A // never empty

/** Mostly short; now and then thousands. */
const lengthOf = (draw: Draw): number => Math.floor(2 ** (draw() * (draw() < 0.05 ? 13 : 7)))

const randomBytes = (draw: Draw): Uint8Array => Uint8Array.from({ length: lengthOf(draw) }, () => below(draw, 256))

const randomText = (draw: Draw): string => {
  const parts = draw() < 0.3 ? [oneOf(draw, tokens), oneOf(draw, tokens)] : tokens
  return Array.from({ length: lengthOf(draw) }, () => oneOf(draw, parts)).join('')
}

const mutated = (draw: Draw, sample: Uint8Array): Uint8Array => {
  let bytes = [...sample]
  for (let left = 1 + below(draw, 4); left > 0; left--) {
    const at = below(draw, bytes.length + 1)
    const length = below(draw, Math.min(16, bytes.length - at) + 1)
    const kind = below(draw, 6)
    if (kind === 0 && bytes.length > 0) bytes[Math.min(at, bytes.length - 1)] = below(draw, 256)
    else if (kind === 1) bytes.splice(at, length)
    else if (kind === 2) bytes.splice(at, 0, ...bytes.slice(at, at + length))
    else if (kind === 3) bytes.splice(at, 0, ...Buffer.from(oneOf(draw, tokens)))
    else if (kind === 4) bytes = [...bytes, ...bytes].slice(0, 20_000)
    else
      bytes.splice(
        at,
        0,
        ...oneOf(draw, [
          [255, 255, 255, 255],
          [127, 255, 255, 255],
          [0, 0, 0, 0],
          [128, 128, 128, 1],
        ]),
      )
  }
  return Uint8Array.from(bytes)
}

/** One input for a door that has these samples. */
export const inputFor = (draw: Draw, samples: ReadonlyArray<Uint8Array>): Uint8Array => {
  const kind = draw()
  if (kind < 0.6 && samples.length > 0) return mutated(draw, oneOf(draw, samples))
  return kind < 0.8 ? randomBytes(draw) : Buffer.from(randomText(draw))
}
