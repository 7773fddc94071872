// What a stream answers to a publish, told by its bytes: parsing JSON costs more than everything else about a good answer.
//   {"stream":"TOTALS", "seq":12}   {"stream":"TOTALS","domain":"hub", "seq":12,"duplicate": true}
//   {"error":{"code":400,"err_code":10054,"description":"…"},"stream":"TOTALS","seq":0}
import { fullLimit } from './api-errors.ts'
import { field, jsonIn } from './fields.ts'

export type PubAck =
  | { readonly _tag: 'stored'; readonly sequence: number; readonly duplicate: boolean; readonly stream: string }
  | { readonly _tag: 'refused'; readonly code: number; readonly errorCode: number; readonly description: string }

/** What a stream refuses a message for, as the end of a sentence. */
export const refusalText = ({ description, errorCode }: Extract<PubAck, { readonly _tag: 'refused' }>): string => {
  const limit = fullLimit(description)
  if (limit === null) return `${description} (${errorCode}).`
  return `it is full: its limit ${limit} is reached, and it discards new messages (${description}, ${errorCode}). Make room or raise ${limit}, and start the run again: it goes on from its checkpoint.`
}

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

/** The slow way, for all others. Whoever subscribes to a subject may answer as well: that is no acknowledgment. */
export const parsePubAck = (data: Uint8Array): PubAck => {
  const answer = jsonIn(data)
  const error = field(answer, 'error')
  if (typeof error === 'object' && error !== null) {
    const [code, errorCode, description] = ['code', 'err_code', 'description'].map(key => field(error, key))
    return {
      _tag: 'refused',
      code: typeof code === 'number' ? code : 0,
      errorCode: typeof errorCode === 'number' ? errorCode : 0,
      description: typeof description === 'string' ? description : 'no reason given',
    }
  }
  const [stream, sequence] = [field(answer, 'stream'), field(answer, 'seq')]
  if (typeof stream !== 'string' || typeof sequence !== 'number')
    return { _tag: 'refused', code: 0, errorCode: 0, description: `somebody else than a stream answers to this subject: ${shown(data)}` }
  return { _tag: 'stored', sequence, duplicate: field(answer, 'duplicate') === true, stream }
}

const shown = (data: Uint8Array): string => JSON.stringify(new TextDecoder().decode(data.subarray(0, 80)))
