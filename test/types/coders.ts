// Schemas as coders and decoders.
import { Coder, Decoder, Instant } from 'jetbeam'
import { z } from 'zod'

const instant = z.number().transform(Instant.ofMillis)
export const click = z.object({ page: z.string(), at: instant, count: z.number().default(1) })
export const clickDecoder = Decoder.json(click)
export const clickCoder = Coder.json(click.required())
// @ts-expect-error a Date goes out as text: it cannot be read back by the same schema
export const dated = Coder.json(z.object({ at: z.string().transform(s => new Date(s)) }))
export const guarded = Coder.json((u): u is string => typeof u === 'string')
