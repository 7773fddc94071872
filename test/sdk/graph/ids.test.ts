import * as N from 'fp-ts/lib/number.js'
import { assert } from 'chai'
import fc from 'fast-check'
import { Combine, Count, Create, Flatten, PCollection, flow, named, pipe } from '../../../sdk/index.ts'
import { graphOf } from '../../../sdk/graph/graph.ts'
import type { PDone } from '../../../sdk/graph/pcollection.ts'
import { read, write } from './endpoints.ts'

const idsOf = (...leaves: ReadonlyArray<PDone>): ReadonlyArray<string> => [...graphOf(leaves).nodes.keys()]
const increment = PCollection.map((n: number) => n + 1)

describe('ids of nodes', () => {
  it('count unnamed nodes of a kind along their own inputs', () => {
    assert.deepEqual(
      idsOf(
        pipe(
          read<number>('IN'),
          increment,
          PCollection.filter(n => n > 1),
          increment,
          write('OUT'),
        ),
      ),
      ['read(IN)#1', 'map#1', 'filter#1', 'map#2', 'write(OUT)#1'],
    )
  })

  it('call a node behind a Flatten by the longest way to it', () => {
    const origin = read<number>('IN')
    const ids = idsOf(pipe(Flatten.of(pipe(origin, increment, increment), pipe(origin, increment)), increment, write('OUT')))
    assert.deepEqual(ids, ['read(IN)#1', 'map#1', 'map#2', 'map#1.2', 'Flatten#1', 'map#3', 'write(OUT)#1'])
  })

  it('stand under the names around them, and count from one inside each', () => {
    const twice = named('Twice', flow(increment, named('Again', increment)))
    assert.deepEqual(idsOf(pipe(read<number>('IN', { name: 'Numbers' }), increment, twice, write('OUT', { name: 'Results' }))), [
      'Numbers',
      'map#1',
      'Twice/map#1',
      'Twice/Again/map#1',
      'Results',
    ])
  })

  it('leave the names as they were when what is named throws', () => {
    const failing = named('Failing', () => {
      throw new Error('no')
    })
    assert.throws(() => failing(), 'no')
    assert.deepEqual(idsOf(pipe(read('IN'), PCollection.ignore)), ['read(IN)#1', 'ignore#1'])
  })

  it('never contain a function name, so minifying changes nothing', () => {
    assert.notInclude(
      idsOf(
        pipe(
          Create.of([1]),
          PCollection.map(function doubled(n) {
            return n * 2
          }),
          PCollection.ignore,
        ),
      ).join(),
      'doubled',
    )
  })

  it('stay the same where something elsewhere changes', () => {
    const totals = (extra: boolean): PDone => {
      const orders = read<{ readonly customer: string; readonly total: number }>('ORDERS')
      const cleaned = extra
        ? pipe(
            orders,
            PCollection.map(order => order),
            PCollection.filter(() => true),
          )
        : orders
      return pipe(
        cleaned,
        PCollection.keyBy(order => order.customer),
        PCollection.mapValues(order => order.total),
        Combine.perKey(N.MonoidSum),
        write('TOTALS'),
      )
    }
    const other = (): PDone =>
      pipe(
        read('OTHER'),
        Count.perElement,
        PCollection.map(x => x),
        write('COUNTS'),
      )
    const stateful = (...leaves: ReadonlyArray<PDone>): ReadonlyArray<string> =>
      graphOf(leaves)
        .nodes.valueSeq()
        .filter(node => node.stateful)
        .map(node => node.id)
        .toArray()
    assert.deepEqual(stateful(totals(false)), ['read(ORDERS)#1', 'Combine.perKey#1', 'write(TOTALS)#1'])
    assert.deepEqual(stateful(totals(true)), stateful(totals(false)))
    assert.includeMembers([...stateful(other(), totals(true))], [...stateful(totals(false))])
  })

  it('are the same however a pipeline is built again', () => {
    const verbs = {
      map: PCollection.map((n: number) => n),
      filter: PCollection.filter((n: number) => n > 0),
      keyed: flow(
        PCollection.keyBy((n: number) => n),
        PCollection.values,
      ),
      twice: (pc: PCollection<number>) => Flatten.of(pc, pc),
    } as const
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...(Object.keys(verbs) as (keyof typeof verbs)[])), { maxLength: 12 }), steps => {
        const build = (): PDone =>
          pipe(
            steps.reduce<PCollection<number>>((pc, step) => verbs[step](pc), read<number>('IN')),
            write('OUT'),
          )
        const ids = idsOf(build())
        assert.deepEqual(idsOf(build()), ids)
        assert.lengthOf(new Set(ids), ids.length)
      }),
    )
  })

  it('tell two unnamed combines apart by their order alone, and say so', () => {
    const origin = read<string>('WORDS')
    const graph = graphOf([
      pipe(origin, Count.perElement, write('A')),
      pipe(
        origin,
        PCollection.map(w => w.length),
        Count.perElement,
        write('B'),
      ),
    ])
    assert.includeMembers([...graph.nodes.keys()], ['Count.perElement#1', 'Count.perElement#1.2'])
    assert.deepEqual(
      graph.ambiguous.map(({ id }) => id),
      ['Count.perElement#1'],
    )
    assert.lengthOf(graph.ambiguous[0]?.places ?? [], 2)
    assert.match(graph.ambiguous[0]?.places.join() ?? '', /ids\.test\.ts:\d+:\d+,.*ids\.test\.ts:\d+:\d+/)
  })

  it('need no order where combines have names, or only stateless nodes collide', () => {
    const origin = read<string>('WORDS')
    const named1 = graphOf([
      pipe(origin, named('Words', Count.perElement), write('A')),
      pipe(
        origin,
        named(
          'Lengths',
          flow(
            PCollection.map((w: string) => w.length),
            Count.perElement,
          ),
        ),
        write('B'),
      ),
    ])
    assert.isEmpty(named1.ambiguous)
    const stateless = graphOf([
      pipe(
        origin,
        PCollection.map(w => w),
        write('A'),
      ),
      pipe(
        origin,
        PCollection.map(w => w),
        write('B'),
      ),
    ])
    assert.isEmpty(stateless.ambiguous)
  })
})

describe('a graph', () => {
  it('has a collection that is kept in a variable once, and one that is made again twice', () => {
    const numbers = (): PCollection<number> => pipe(read<number>('IN'), increment)
    const shared = numbers()
    assert.lengthOf(idsOf(pipe(shared, write('A')), pipe(shared, write('B'))), 4)
    assert.lengthOf(idsOf(pipe(numbers(), write('A')), pipe(numbers(), write('B'))), 6)
  })

  it('keeps both edges of Flatten(a, a)', () => {
    const a = read('IN')
    const graph = graphOf([pipe(Flatten.of(a, a), write('OUT'))])
    assert.deepEqual(graph.nodes.get('Flatten#1')?.inputs, [
      { id: 'read(IN)#1', tag: 'out' },
      { id: 'read(IN)#1', tag: 'out' },
    ])
  })

  it('puts each node after what it reads, and lists the ends', () => {
    const graph = graphOf([
      pipe(
        read<string>('IN'),
        PCollection.tryMap(w => w.length),
        PCollection.deadLetter(write('DEAD')),
        PCollection.tee(PCollection.ignore),
        write('OUT'),
      ),
    ])
    const order = [...graph.nodes.keys()]
    for (const node of graph.nodes.values())
      for (const input of node.inputs) assert.isBelow(order.indexOf(input.id), order.indexOf(node.id))
    assert.deepEqual(graph.leaves.toArray(), ['write(DEAD)#1', 'ignore#1', 'write(OUT)#1'])
  })

  it('of a diamond 50 deep looks at each node once: paths there are too many', () => {
    let pc: PCollection<number> = read<number>('IN')
    for (let i = 0; i < 50; i++) pc = Flatten.of(pipe(pc, increment), pipe(pc, increment))
    assert.strictEqual(graphOf([pipe(pc, write('OUT'))]).nodes.size, 50 * 3 + 2)
  })

  it('of a chain of 50,000 nodes is made without recursion', () => {
    let pc: PCollection<number> = read<number>('IN')
    for (let i = 0; i < 50_000; i++) pc = increment(pc)
    assert.isTrue(graphOf([pipe(pc, write('OUT'))]).nodes.has('map#50000'))
  }).timeout(20_000)
})
