// Panes as a pipeline under test gives them: gathered, shown in a line, and held to what is true of panes always.
import { assert } from 'chai'
import type { KV } from '../../sdk/model/kv.ts'
import { PCollection, pipe, Reify, type Windowed } from '../../sdk/index.ts'
import type { PCollection as Collection, PDone } from '../../sdk/graph/pcollection.ts'
import { PAssert } from '../../sdk/testing/index.ts'

export type Contents = number | ReadonlyArray<number>
export type Pane = Windowed<KV<string, Contents>>

// Of the run before, by the name of its end: runs follow one another, and checks are made where the run was started.
const gathered = new Map<string, ReadonlyArray<Pane>>()

/** Ends a branch whose panes the suite looks at: sums or lists by key. */
export const panes =
  (name: string) =>
  (pc: Collection<KV<string, Contents>>): PDone =>
    pipe(
      pc,
      Reify.windowed,
      PAssert.satisfies(all => void gathered.set(name, all)),
      PCollection.ignore,
    )

/** What the branch of that name gave, once. */
export const takePanes = (name: string): ReadonlyArray<Pane> => {
  const all = gathered.get(name)
  gathered.delete(name)
  return all ?? assert.fail(`nothing ended in panes(${JSON.stringify(name)})`)
}

const letters = { early: 'E', onTime: 'O', late: 'L', unknown: '?' } as const

const textOf = (contents: Contents): string =>
  typeof contents === 'number' ? String(contents) : `[${[...contents].sort((a, b) => a - b).join()}]`

/** By key and window, each in the order of its firings. */
const byWindow = (all: ReadonlyArray<Pane>): ReadonlyArray<ReadonlyArray<Pane>> => {
  const groups = new Map<string, Pane[]>()
  const order = [...all].sort(
    (a, b) =>
      a.value[0].localeCompare(b.value[0]) || a.window.start - b.window.start || a.window.end - b.window.end || a.pane.index - b.pane.index,
  )
  for (const pane of order) {
    const id = `${pane.value[0]} ${pane.window.start} ${pane.window.end}`
    groups.set(id, [...(groups.get(id) ?? []), pane])
  }
  return [...groups.values()]
}

/** Contents with the first letter of the timing, windows in order of time, keys apart: 'a 5E 5O 14L | a 12O'. A dot follows the last pane. */
export const shown = (all: ReadonlyArray<Pane>): string =>
  byWindow(all)
    .map(group => {
      const texts = group.map(({ value, pane }) => `${textOf(value[1])}${letters[pane.timing]}${pane.isLast ? '.' : ''}`)
      return [group[0]?.value[0], ...texts].join(' ')
    })
    .join(' | ')

/** What each key and window held in the end: the last pane of those that accumulate, all panes together of those that discard. */
export const finals = (all: ReadonlyArray<Pane>, accumulation: 'accumulating' | 'discarding'): ReadonlyArray<string> =>
  byWindow(all).map(group => {
    const contents = group.map(({ value }) => value[1])
    const whole = accumulation === 'accumulating' ? (contents.at(-1) ?? 0) : contents.reduce(together)
    const [{ value, window }] = group as [Pane, ...ReadonlyArray<Pane>] // a group is made with its first pane
    return `${value[0]} [${window.start}, ${window.end}) ${textOf(whole)}`
  })

const together = (a: Contents, b: Contents): Contents =>
  typeof a === 'number' && typeof b === 'number'
    ? a + b
    : [a, b].flatMap((contents): ReadonlyArray<number> => (typeof contents === 'number' ? [contents] : contents))

/** Beam's PaneInfo: what is true under every trigger. */
export const checkInvariants = (all: ReadonlyArray<Pane>): void => {
  for (const group of byWindow(all)) {
    const said = shown(group)
    const order = ['early', 'onTime', 'late']
    group.forEach(({ pane, timestamp, window }, i) => {
      assert.strictEqual(pane.index, i, `the panes of ${said} are numbered from 0`)
      assert.strictEqual(pane.isFirst, i === 0, `only the first of ${said} is the first`)
      if (pane.isLast) assert.strictEqual(i, group.length - 1, `nothing comes behind the last pane of ${said}`)
      const before = group.slice(0, i).filter(other => other.pane.timing !== 'early').length
      assert.strictEqual(pane.nonSpeculativeIndex, pane.timing === 'early' ? -1 : before, `${said} counts what is not early`)
      assert.isAtLeast(order.indexOf(pane.timing), order.indexOf(group[i - 1]?.pane.timing ?? 'early'), `${said} goes from early to late`)
      assert.isTrue(timestamp >= window.start && timestamp < window.end, `the timestamps of ${said} lie in their window`)
    })
    assert.isAtMost(group.filter(({ pane }) => pane.timing === 'onTime').length, 1, `${said} is on time once`)
  }
}
