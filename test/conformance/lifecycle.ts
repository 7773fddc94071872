// A DoFn's life: set up once a task, bundles between, torn down at the end, however it comes.
import { threadId } from 'node:worker_threads'
import { assert } from 'chai'
import { Create, emit, named, ParDo, PCollection, pipe, Pipeline } from '../../sdk/index.ts'
import type { PCollection as Collection } from '../../sdk/graph/pcollection.ts'
import { PAssert, containsInAnyOrder } from '../../sdk/testing/index.ts'
import type { Case } from './frame.ts'
import { note } from './notes.ts'

let made = 0

/** Notes all that happens to it, each instance under an id of its own; `fails` says where it throws. */
const noting = (of: string, fails: 'in process' | 'in teardown' | 'never' = 'never') =>
  ParDo.bundled({
    setup: async () => {
      const id = `${threadId}-${++made}`
      await Promise.resolve()
      note(of, `${id} setup`)
      return id
    },
    startBundle: id => {
      note(of, `${id} start`)
      return { sum: 0 }
    },
    process: ({ value }: { readonly value: number }, { setup, bundle }) => {
      note(of, `${setup} process`)
      if (fails === 'in process' && value === 3) throw new Error('three is too many')
      bundle.sum += value
      return [emit(value)]
    },
    finishBundle: ({ setup }) => {
      note(of, `${setup} finish`)
      return []
    },
    teardown: async id => {
      await Promise.resolve()
      note(of, `${id} teardown`)
      if (fails === 'in teardown') throw new Error('the connection does not close')
    },
  })

const numbers = (): Collection<number> => Create.of([1, 2, 3, 4, 5])

/** Behind a shuffle, so that every task has one. */
export const lived = Pipeline.define(import.meta, 'lived', () =>
  pipe(numbers(), named('Lived', noting('lived')), PAssert.that(containsInAnyOrder([1, 2, 3, 4, 5])), PCollection.ignore),
)

export const failed = Pipeline.define(import.meta, 'failed', () =>
  pipe(
    numbers(),
    named('Before', noting('failed')),
    named('Failing', noting('failed', 'in process')),
    PCollection.keyBy(n => n),
    PCollection.ignore,
  ),
)

/** The second has no setup that succeeds: the first had one. */
export const unready = Pipeline.define(import.meta, 'unready', () =>
  pipe(
    numbers(),
    named('Ready', noting('unready')),
    named(
      'Unready',
      ParDo.bundled({
        setup: () => Promise.reject(new Error('no such host')),
        process: ({ value }) => [emit(value)],
      }),
    ),
    PCollection.ignore,
  ),
)

export const stuck = Pipeline.define(import.meta, 'stuck', () =>
  pipe(numbers(), named('Stuck', noting('stuck', 'in teardown')), named('Other', noting('stuck')), PCollection.ignore),
)

/** By instance, what happened to it in order. */
const lives = (notes: ReadonlyArray<string>): ReadonlyArray<ReadonlyArray<string>> => {
  const byId = new Map<string, string[]>()
  for (const line of notes) {
    const [id = '', what = ''] = line.split(' ')
    byId.set(id, [...(byId.get(id) ?? []), what])
  }
  return [...byId.values()]
}

const checkBegunAndEnded = (notes: ReadonlyArray<string>): void => {
  const all = lives(notes)
  assert.isNotEmpty(all)
  for (const life of all) {
    assert.strictEqual(life[0], 'setup', life.join())
    assert.strictEqual(life.at(-1), 'teardown', life.join())
    assert.lengthOf(
      life.filter(what => what === 'setup' || what === 'teardown'),
      2,
      life.join(),
    )
  }
}

const checkLived = (notes: ReadonlyArray<string>): void => {
  checkBegunAndEnded(notes)
  for (const life of lives(notes)) assert.match(life.join(' '), /^setup( start( process)+ finish)* teardown$/)
  assert.lengthOf(
    notes.filter(line => line.endsWith(' process')),
    5,
  )
}

export const lifecycleCases: ReadonlyArray<Case> = [
  {
    says: 'a DoFn is set up, given its bundles one after another, and torn down',
    pipeline: lived,
    notes: { of: 'lived', check: checkLived },
  },
  {
    says: 'all are torn down after a failure',
    pipeline: failed,
    fails: { with: 'UserCodeFailed', saying: /Failing.*three is too many/s },
    notes: { of: 'failed', check: checkBegunAndEnded },
  },
  {
    says: 'those that are set up are torn down where another cannot be',
    pipeline: unready,
    fails: { with: 'UserCodeFailed', saying: /^Unready\/ParDo#1: no such host\n {2}while it was set up$/ },
    notes: { of: 'unready', check: checkBegunAndEnded },
  },
  {
    says: 'a teardown that fails keeps no other from its own, and undoes nothing of what the run has done',
    pipeline: stuck,
    logs: lines => assert.include(lines, 'Stuck/ParDo#1: the connection does not close\n  while it was torn down'),
    notes: { of: 'stuck', check: checkBegunAndEnded },
  },
]
