// Cuts what comes to a task into bundles of another size. For tests: results must not depend on how elements come together.
import { type Coder, groupingKey, type GroupingKey } from '../../sdk/coders/index.ts'
import type { Batch } from '../harness/batch.ts'

/** element: one a bundle. all: as many as come together. key: those of one key that come together. random: cut anywhere. */
export type Bundling = 'element' | 'all' | 'key' | 'random'

export type Cut = (batch: Batch) => ReadonlyArray<Batch>

/** null where batches stay as they are. `random`: from 0 up to, not including, 1. */
export const cutOf = (bundling: Bundling, keyCoder: Coder<unknown> | null, random: () => number): Cut | null => {
  switch (bundling) {
    case 'element':
      return batch => batch.values.map((_, i) => slice(batch, i, i + 1))
    case 'all':
      return null
    case 'key': {
      const keyOf = groupingKey(keyCoder)
      return batch => (batch.keys === null ? [batch] : byKey(batch, batch.keys.map(keyOf)))
    }
    case 'random':
      return batch => randomly(batch, random)
  }
}

const slice = (batch: Batch, from: number, to: number): Batch => ({
  keys: batch.keys?.slice(from, to) ?? null,
  values: batch.values.slice(from, to),
  timestamps: batch.timestamps.slice(from, to),
  windows: batch.windows?.slice(from, to) ?? null,
  panes: batch.panes?.slice(from, to) ?? null,
  positions: batch.positions?.slice(from, to) ?? null,
  lifted: batch.lifted,
})

/** The first that came first; elements of one key stay in order. */
const byKey = (batch: Batch, keys: ReadonlyArray<GroupingKey>): ReadonlyArray<Batch> => {
  const rows = new Map<GroupingKey, number[]>()
  for (const [i, key] of keys.entries()) {
    const known = rows.get(key)
    if (known === undefined) rows.set(key, [i])
    else known.push(i)
  }
  return [...rows.values()].map(of => rowsOf(batch, of))
}

const rowsOf = (batch: Batch, rows: ReadonlyArray<number>): Batch => {
  // A row is one of the columns' own: each has it.
  const pick = <A>(column: ReadonlyArray<A>): ReadonlyArray<A> => rows.map(row => column[row] as A)
  return {
    keys: batch.keys === null ? null : pick(batch.keys),
    values: pick(batch.values),
    timestamps: pick(batch.timestamps),
    windows: batch.windows === null ? null : pick(batch.windows),
    panes: batch.panes === null ? null : pick(batch.panes),
    positions: null,
    lifted: batch.lifted,
  }
}

const randomly = (batch: Batch, random: () => number): ReadonlyArray<Batch> => {
  const parts: Batch[] = []
  for (let from = 0; from < batch.values.length;) {
    const to = from + 1 + Math.floor(random() * (batch.values.length - from))
    parts.push(slice(batch, from, to))
    from = to
  }
  return parts
}
