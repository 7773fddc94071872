// Whether a function's time grows with the length of its input and not with its square.
import { assert } from 'chai'

const length = 400_000
/** Generous for a loaded machine: linear work takes under 100 ms here, a quadratic expression minutes. */
const mostMs = 5_000

/** `of` makes an input of about so many characters. The best of three runs counts: a pause of the machine is none of the function's. */
export const assertLinear = <A>(of: (length: number) => A, work: (input: A) => unknown): void => {
  const input = of(length)
  let best = Infinity
  for (let i = 0; i < 3 && best > mostMs; i++) {
    const began = performance.now()
    work(input)
    best = Math.min(best, performance.now() - began)
  }
  assert.isBelow(best, mostMs, `${length} characters took ${Math.round(best)} ms`)
}
