// JSON that carries its version and a checksum of itself: what does not read back exactly as written is never taken for something else.
import { createHash } from 'node:crypto'
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'

/** `content` as one JSON object with a checksum over its exact text. Throws a TypeError for what JSON cannot hold at all. */
export const seal = (version: number, content: unknown): string => {
  const text = JSON.stringify(content ?? null)
  return `{"version":${version},"sha256":"${sha256(text)}","content":${text}}\n`
}

/** What was sealed, or why it is not that. */
export const unseal = (version: number, text: string): Either<string, unknown> => {
  const parts = /^\{"version":(\d+),"sha256":"([0-9a-f]{64})","content":([^]*)\}\n$/.exec(text)
  const [, found, checksum, content] = parts ?? []
  if (found === undefined || content === undefined) return E.left(text === '' ? 'it is empty' : 'it is cut short or not in its format')
  if (Number(found) !== version) return E.left(`it has format version ${found}, and this release reads version ${version}`)
  if (sha256(content) !== checksum) return E.left('its content does not match its checksum')
  return E.tryCatch(
    (): unknown => JSON.parse(content),
    error => `it is not JSON (${String(error)})`,
  )
}

export const sha256 = (content: string | Uint8Array): string => createHash('sha256').update(content).digest('hex')

/** An object's fields, to be checked one by one: what a file holds is anybody's. */
export const fieldsOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.fromEntries(Object.entries(value)) : {}

export const isCount = (value: unknown): value is number => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
