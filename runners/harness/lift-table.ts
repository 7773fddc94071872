// A combine's first half: one accumulator a key and window, filled inside the stage and flushed before every watermark and barrier.
// The stage's own text does the common case, a key that is there already; the rest is here.
import { groupingKey, type GroupingKey } from '../../sdk/coders/index.ts'
import { requireSync } from '../../sdk/model/require-sync.ts'
import { type BoundedWindow, GlobalWindow, maxTimestamp } from '../../sdk/model/window.ts'
import type { Lift } from '../plan/stage.ts'
import type { Batch, Windows } from './batch.ts'
import type { CodeWriter } from './code-writer.ts'

interface Cell {
  readonly key: unknown
  accumulator: unknown
  timestamp: number
}
type Table = Map<GroupingKey, Cell>

const global: Windows = [GlobalWindow]

export class LiftTable {
  /** It is to be flushed when a bundle ends. */
  readonly eachBundle: boolean
  /** The types were checked where the combine was made. */
  readonly #create: () => unknown
  readonly #add: (accumulator: unknown, input: unknown) => unknown
  readonly #keyOf: (key: unknown) => GroupingKey
  readonly #latest: boolean
  readonly #tables = new Map<BoundedWindow, Table>()
  #size = 0
  /** The window that elements fell into last, and its table: read by the stage's text. */
  windows: Windows = global
  table: Table = new Map()

  constructor({ eachBundle, fn, strategy, keyCoder }: Lift) {
    this.eachBundle = eachBundle
    this.#create = fn.create
    this.#add = fn.add as (accumulator: unknown, input: unknown) => unknown
    this.#keyOf = groupingKey(keyCoder)
    this.#latest = strategy.timestampCombiner === 'latest'
    this.turn(global)
  }

  get size(): number {
    return this.#size
  }

  /** Text that adds an element: all arguments are names. */
  write(out: CodeWriter, key: string, value: string, timestamp: string, windows: string | null): void {
    const [table, groupKey, cell] = [out.constant(this), out.fresh('g'), out.fresh('e')]
    const known = (): void => {
      out.line(`const ${groupKey} = ${out.constant(this.#keyOf)}(${key}), ${cell} = ${table}.table.get(${groupKey})`)
      out.block(`if (${cell} !== undefined)`, () => {
        out.line(`${cell}.accumulator = ${out.constant(this.#add)}(${cell}.accumulator, ${value})`)
        if (this.#latest) out.line(`if (${timestamp} > ${cell}.timestamp) ${cell}.timestamp = ${timestamp}`)
      })
      out.line(`else ${table}.begin(${key}, ${groupKey}, ${value}, ${timestamp})`)
    }
    if (windows === null) return known()
    out.block(`if (${windows}.length === 1)`, () => {
      out.line(`if (${windows} !== ${table}.windows) ${table}.turn(${windows})`)
      known()
    })
    out.line(`else ${table}.addToEach(${key}, ${value}, ${timestamp}, ${windows})`)
  }

  /** The first element of a key. */
  begin(key: unknown, groupKey: GroupingKey, value: unknown, timestamp: number): void {
    const accumulator = requireSync('add', this.#add(requireSync('create', this.#create()), value))
    this.table.set(groupKey, { key, accumulator, timestamp })
    this.#size++
  }

  addToEach(key: unknown, value: unknown, timestamp: number, windows: Windows): void {
    const groupKey = this.#keyOf(key)
    for (const window of windows) {
      this.turn([window])
      const cell = this.table.get(groupKey)
      if (cell === undefined) this.begin(key, groupKey, value, timestamp)
      else {
        cell.accumulator = this.#add(cell.accumulator, value)
        if (timestamp > cell.timestamp) cell.timestamp = timestamp
      }
    }
  }

  /** Windows are shared objects: the same object is the same window, and two objects of one window only make two tables of it. */
  turn(windows: Windows): void {
    const window = windows[0] ?? GlobalWindow
    const table = this.#tables.get(window) ?? new Map<GroupingKey, Cell>()
    this.#tables.set(window, table)
    this.windows = windows
    this.table = table
  }

  /** All there is, as one batch of accumulators; the table is empty afterwards. */
  flush(): Batch | null {
    if (this.#size === 0) return null
    const keys: unknown[] = []
    const values: unknown[] = []
    const timestamps: number[] = []
    const windows: Windows[] = []
    for (const [window, table] of this.#tables) {
      const only = [window]
      const end = maxTimestamp(window)
      for (const { key, accumulator, timestamp } of table.values()) {
        keys.push(key)
        values.push(accumulator)
        timestamps.push(this.#latest ? timestamp : end)
        windows.push(only)
      }
    }
    const inGlobal = this.#tables.size === 1 && this.#tables.has(GlobalWindow)
    this.#tables.clear()
    this.turn(global)
    this.#size = 0
    return { keys, values, timestamps, windows: inGlobal ? null : windows, panes: null, positions: null, lifted: true }
  }
}
