// Which manifests are a job's history, and what of it is kept. Pure: directories and memory decide alike.
import type { Manifest } from './store.ts'
import type { ManifestKey } from './job-folder.ts'

/** By generation, then by epoch. */
export const compareKeys = (a: ManifestKey, b: ManifestKey): number => a.generation - b.generation || a.epoch - b.epoch

/** The last generation that said what it went on from, and that: null for nothing at all. */
export interface LatestBase {
  readonly generation: number
  readonly base: ManifestKey | null
}

/**
 * The newest manifest that counts: the last one of the latest generation that has written any or, after one that has not, the one it
 * went on from. A manifest that an older generation wrote after it had lost its lease is neither, whatever its epoch.
 */
export const newestOf = (manifests: ReadonlyArray<ManifestKey>, latest: LatestBase | null): ManifestKey | null => {
  const newest = [...manifests].sort(compareKeys).at(-1) ?? null
  return latest === null || (newest !== null && newest.generation >= latest.generation) ? newest : latest.base
}

/**
 * The history that ends in `newest`, latest first. Epochs only grow along it, so where one does not, a lost generation wrote what was
 * never part of it.
 */
export const historyOf = <K extends ManifestKey>(manifests: ReadonlyArray<K>, newest: ManifestKey): ReadonlyArray<K> => {
  const history: Array<K> = []
  for (const key of manifests.filter(m => compareKeys(m, newest) <= 0).sort((a, b) => compareKeys(b, a))) {
    const later = history.at(-1)
    if (later === undefined || key.epoch < later.epoch) history.push(key)
  }
  return history
}

export interface Retained {
  readonly kept: ReadonlyArray<Manifest>
  readonly dropped: ReadonlyArray<Manifest>
  /** Of what was dropped, the segments that nothing kept names. */
  readonly unnamed: ReadonlyArray<string>
}

/** `history` is latest first. */
export const retain = (keep: number, history: ReadonlyArray<Manifest>): Retained => {
  const kept = history.slice(0, keep)
  const dropped = history.slice(keep)
  const named = segmentNames(kept)
  return { kept, dropped, unnamed: [...segmentNames(dropped)].filter(name => !named.has(name)) }
}

export const segmentNames = (manifests: ReadonlyArray<Manifest>): ReadonlySet<string> =>
  new Set(manifests.flatMap(m => m.segments.map(s => s.name)))
