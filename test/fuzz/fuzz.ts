// Feeds inputs to doors: each returns or throws what it documents, in time linear in the length, with a result in proportion to the input.
import { type Door, doors } from './doors.ts'
import { drawFrom, inputFor, oneOf, tokens } from './inputs.ts'

export interface Figures {
  readonly inputs: number
  readonly bytes: number
  readonly refused: number
  readonly slowestMs: number
  readonly slowest: string
  /** Of a result: objects, items and characters for each byte of input. */
  readonly largestRatio: number
  readonly largest: string
}

export interface Fuzzed extends Figures {
  readonly problems: ReadonlyArray<string>
}

/** Values in a result, with the items of arrays and the characters of strings counted as eight to one. */
const sizeOf = (root: unknown): number => {
  let size = 0
  const seen = new Set<object>()
  const open: unknown[] = [root]
  while (open.length > 0) {
    const value = open.pop()
    size++
    if (typeof value === 'string') size += value.length / 8
    if (typeof value !== 'object' || value === null || seen.has(value)) continue
    seen.add(value)
    if (ArrayBuffer.isView(value)) size += value.byteLength / 8
    else if (Array.isArray(value)) for (const part of value) open.push(part)
    else if (value instanceof Map) for (const [key, part] of value) open.push(key, part)
    else if (value instanceof Set) for (const part of value) open.push(part)
    else if (!(value instanceof Error)) for (const name of Object.keys(value)) open.push((value as Readonly<Record<string, unknown>>)[name])
  }
  return size
}

/** Of values for each byte: an element of no bytes costs a sixteenth of one, and a message names its rules. */
const mostPerByte = 24
const always = 5_000
/** Generous for a loaded machine. Inputs have at most 40 kB or so; a quadratic function would need minutes for the long ones below. */
const mostMs = 2_000

const shown = (input: Uint8Array): string => `${input.length} bytes ${Buffer.from(input.subarray(0, 200)).toString('base64')}`

export const fuzz = (count: number, seed: number): Fuzzed => {
  const draw = drawFrom(seed)
  const problems: string[] = []
  const figures = { inputs: 0, bytes: 0, refused: 0, slowestMs: 0, slowest: '', largestRatio: 0, largest: '' }
  for (let i = 0; i < count && problems.length < 20; i++) {
    const door = doors[i % doors.length] as Door // below its length
    tryOne(door, inputFor(draw, door.samples), figures, problems)
  }
  return { ...figures, problems }
}

const tryOne = (door: Door, input: Uint8Array, figures: { -readonly [K in keyof Figures]: Figures[K] }, problems: string[]): void => {
  const before = Buffer.from(input).toString('latin1')
  const began = performance.now()
  let result: unknown = null
  try {
    result = door.call(input)
  } catch (error) {
    figures.refused++
    if (!door.mayThrow(error)) problems.push(`${door.name} threw ${String(error)}: ${shown(input)}`)
  }
  const ms = performance.now() - began
  figures.inputs++
  figures.bytes += input.length
  if (ms > figures.slowestMs) Object.assign(figures, { slowestMs: ms, slowest: door.name })
  if (ms > mostMs && again(door, input) > mostMs) problems.push(`${door.name} took ${Math.round(ms)} ms: ${shown(input)}`)
  const size = sizeOf(result)
  const ratio = size / Math.max(input.length, 64)
  if (ratio > figures.largestRatio) Object.assign(figures, { largestRatio: ratio, largest: door.name })
  if (size > always + mostPerByte * input.length) problems.push(`${door.name} made ${Math.round(size)} values: ${shown(input)}`)
  if (Buffer.from(input).toString('latin1') !== before) problems.push(`${door.name} changed its input: ${shown(input)}`)
}

const again = (door: Door, input: Uint8Array): number => {
  const began = performance.now()
  try {
    door.call(input)
  } catch {
    // It was judged before.
  }
  return performance.now() - began
}

/**
 * Each door with long texts of one or two tokens: `pairs` of these, beside each token alone. Gives the doors whose time grows faster than the
 * length: a text of twice the length takes more than three times as long.
 */
export const fuzzLong = (pairs: number, seed: number, length: number): ReadonlyArray<string> => {
  const draw = drawFrom(seed)
  const units = [...tokens, ...Array.from({ length: pairs }, () => oneOf(draw, tokens) + oneOf(draw, tokens))]
  const repeated = (unit: string, bytes: number): Uint8Array => Buffer.from(unit.repeat(Math.ceil(bytes / Buffer.byteLength(unit))))
  const isSlow = (door: Door, unit: string): boolean => {
    const ms = again(door, repeated(unit, length))
    return ms > mostMs && ms > 3 * again(door, repeated(unit, length / 2))
  }
  return doors.flatMap(door =>
    units
      .filter(unit => isSlow(door, unit) && isSlow(door, unit))
      .map(unit => `${door.name} takes more than linear time for ${JSON.stringify(unit)}, again and again`),
  )
}
