// Times contestants in turn, A B A B …, so that a machine that slows down slows all of them; quotes medians and ratios.

export interface Contestant {
  readonly name: string
  /** How many elements one run works on; fewer for what is very slow. */
  readonly elements: number
  /** Does the work once and says how many milliseconds it took; rejects where its result is wrong. */
  readonly run: () => Promise<number>
}

export interface Measured {
  readonly name: string
  readonly elements: number
  /** Nanoseconds an element: the median of all rounds, the fastest, the slowest. */
  readonly medianNs: number
  readonly minNs: number
  readonly maxNs: number
}

export interface Target {
  /** What the target says. */
  readonly says: string
  readonly ratio: number
  readonly met: boolean
}

export interface Row {
  readonly name: string
  readonly measured: ReadonlyArray<Measured>
  readonly targets: ReadonlyArray<Target>
}

export const median = (values: ReadonlyArray<number>): number => {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? Number.NaN)
    : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2
}

/** One round that does not count, then `rounds` that do. */
export const measure = async (contestants: ReadonlyArray<Contestant>, rounds: number): Promise<ReadonlyArray<Measured>> => {
  const times = contestants.map((): number[] => [])
  for (let round = -1; round < rounds; round++) {
    for (const [i, contestant] of contestants.entries()) {
      globalThis.gc?.()
      const ms = await contestant.run()
      if (round >= 0) times[i]?.push((ms * 1_000_000) / contestant.elements)
    }
  }
  return contestants.map(({ name, elements }, i) => {
    const of = times[i] ?? []
    return { name, elements, medianNs: median(of), minNs: Math.min(...of), maxNs: Math.max(...of) }
  })
}

/** How long `work` takes, in milliseconds. */
export const timed = async (work: () => Promise<void> | void): Promise<number> => {
  const began = performance.now()
  await work()
  return performance.now() - began
}

/** `slower` took at most `factor` times as long as `reference`. */
export const within = (row: ReadonlyArray<Measured>, slower: string, factor: number, reference: string): Target => {
  const ratio = medianOf(row, slower) / medianOf(row, reference)
  return { says: `${slower} within ${factor}x of ${reference}`, ratio, met: ratio <= factor }
}

/** `faster` did at least `factor` times the work of `reference` in the same time. */
export const atLeast = (row: ReadonlyArray<Measured>, faster: string, factor: number, reference: string): Target => {
  const ratio = medianOf(row, reference) / medianOf(row, faster)
  return { says: `${faster} at least ${factor}x as fast as ${reference}`, ratio, met: ratio >= factor }
}

const medianOf = (row: ReadonlyArray<Measured>, name: string): number => {
  const found = row.find(measured => measured.name === name)
  if (found === undefined) throw new Error(`no contestant is called ${name}`)
  return found.medianNs
}
