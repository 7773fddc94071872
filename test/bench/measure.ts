// Times contestants in turn, A B A B …, so that a machine that slows down slows all of them; quotes medians and ratios.

export interface Contestant {
  readonly name: string
  /** How many elements one run works on; fewer for what is very slow. */
  readonly elements: number
  /** Does the work once and says how long it took; rejects where its result is wrong. */
  readonly run: () => Promise<Timing>
}

/** In milliseconds. */
export interface Timing {
  readonly ms: number
  /** Of all threads of this process together: what it would have taken where nobody else wants the processors. null: in another process. */
  readonly cpuMs: number | null
}

export interface Measured {
  readonly name: string
  readonly elements: number
  /** Nanoseconds an element: the median of all rounds, the fastest, the slowest. */
  readonly medianNs: number
  readonly minNs: number
  readonly maxNs: number
  /** Nanoseconds an element that processors were busy with it, all threads together: the median. */
  readonly cpuNs: number | null
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
  /** What else there is to know. */
  readonly notes?: ReadonlyArray<string> | undefined
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
  const times = contestants.map((): Timing[] => [])
  for (let round = -1; round < rounds; round++) {
    for (const [i, contestant] of contestants.entries()) {
      globalThis.gc?.()
      const timing = await contestant.run()
      if (round >= 0) times[i]?.push(timing)
    }
  }
  return contestants.map(({ name, elements }, i) => {
    const nsOf = (ms: number): number => (ms * 1_000_000) / elements
    const of = (times[i] ?? []).map(({ ms }) => nsOf(ms))
    const cpu = (times[i] ?? []).flatMap(({ cpuMs }) => (cpuMs === null ? [] : [nsOf(cpuMs)]))
    const cpuNs = cpu.length === 0 ? null : median(cpu)
    return { name, elements, medianNs: median(of), minNs: Math.min(...of), maxNs: Math.max(...of), cpuNs }
  })
}

/** How long `work` takes. */
export const timed = async (work: () => unknown): Promise<Timing> => {
  const [began, busy] = [performance.now(), process.cpuUsage()]
  await work()
  const ms = performance.now() - began
  const { user, system } = process.cpuUsage(busy)
  return { ms, cpuMs: (user + system) / 1_000 }
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

/** `longer` took at most `mostMs` more than `reference`. */
export const underMs = (row: ReadonlyArray<Measured>, longer: string, mostMs: number, reference: string): Target => {
  const ms = (medianOf(row, longer) - medianOf(row, reference)) / 1_000_000
  return { says: `${longer} at most ${mostMs} ms more than ${reference} (${ms.toFixed(0)} ms)`, ratio: ms / mostMs, met: ms <= mostMs }
}

const medianOf = (row: ReadonlyArray<Measured>, name: string): number => {
  const found = row.find(measured => measured.name === name)
  if (found === undefined) throw new Error(`no contestant is called ${name}`)
  return found.medianNs
}
