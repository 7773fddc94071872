// Figures as people read them: the same in every locale, so that output can be compared.

import { Instant } from '../../sdk/model/time.ts'

/** @example count(1234567) // '1,234,567' */
export const count = (n: number): string => Math.round(n).toLocaleString('en-US')

/** Milliseconds, in the unit that suits them. @example lengthText(1_530) // '1.5 s' */
export const lengthText = (ms: number): string => {
  if (ms < 1_000) return `${Math.round(ms)} ms`
  if (ms < 120_000) return `${(ms / 1_000).toFixed(1)} s`
  return `${Math.round(ms / 60_000)} min`
}

/** Event time as ISO 8601; `infinity` once a source has ended. */
export const watermarkText = (watermark: number): string => Instant.toIso(Instant.ofMillis(watermark))
