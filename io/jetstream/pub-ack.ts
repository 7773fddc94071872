// What a stream answers to a publish, told by its bytes: parsing JSON costs more than everything else about a good answer.
//   {"stream":"TOTALS", "seq":12}   {"stream":"TOTALS","domain":"hub", "seq":12,"duplicate": true}
//   {"error":{"code":400,"err_code":10054,"description":"…"},"stream":"TOTALS","seq":0}

export type PubAck =
  | { readonly _tag: 'stored'; readonly sequence: number; readonly duplicate: boolean; readonly stream: string }
  | { readonly _tag: 'refused'; readonly code: number; readonly errorCode: number; readonly description: string }

/** An expected sequence, of the stream or of a subject, is not what it is. */
export const wrongLastSequence = 10_071

const colon = 0x3a
const q = 0x71
const closingBrace = 0x7d

/** The sequence of a good answer of the stream that `expected` names (see {@link ackStart}), or -1: then parse it. */
export const storedSequence = (data: Uint8Array, expected: Uint8Array): number => {
  if (data.length <= expected.length) return -1
  for (let i = expected.length - 1; i >= 0; i--) if (data[i] !== expected[i]) return -1
  let i = expected.length
  while (i < data.length && !(data[i] === colon && data[i - 2] === q)) i++
  let sequence = 0
  for (i++; i < data.length; i++) {
    const digit = (data[i] ?? 0) - 48
    if (digit < 0 || digit > 9) break
    sequence = sequence * 10 + digit
  }
  // Anything after the number (a duplicate, a counter's value) is worth a closer look.
  return data[i] === closingBrace && sequence > 0 ? sequence : -1
}

export const ackStart = (stream: string): Uint8Array => new TextEncoder().encode(`{"stream":"${stream}",`)

/** The slow way, for all others. */
export const parsePubAck = (data: Uint8Array): PubAck => {
  const parsed = JSON.parse(new TextDecoder().decode(data)) as {
    readonly stream?: string
    readonly seq?: number
    readonly duplicate?: boolean
    readonly error?: { readonly code?: number; readonly err_code?: number; readonly description?: string }
  }
  if (parsed.error !== undefined)
    return {
      _tag: 'refused',
      code: parsed.error.code ?? 0,
      errorCode: parsed.error.err_code ?? 0,
      description: parsed.error.description ?? 'no reason given',
    }
  return { _tag: 'stored', sequence: parsed.seq ?? 0, duplicate: parsed.duplicate === true, stream: parsed.stream ?? '' }
}
