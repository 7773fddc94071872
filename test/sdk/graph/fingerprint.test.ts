import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { assert } from 'chai'
import { Coder, pipe } from '../../../sdk/index.ts'
import { differences, fingerprint, graphOf, statefulSummary } from '../../../sdk/graph/graph.ts'
import { read, write } from './endpoints.ts'
import { type Shape, totals } from './totals.ts'

const printed = (shape?: Shape): string => fingerprint(graphOf([totals(shape)]))
const changes = (before: Shape, after: Shape): ReadonlyArray<string> =>
  differences(statefulSummary(graphOf([totals(before)])), statefulSummary(graphOf([totals(after)])))

describe('a fingerprint', () => {
  it('is the same in another process', () => {
    const program = `import('${new URL('./fingerprint-program.ts', import.meta.url).href}')`
    const other = execFileSync(process.execPath, ['--import', 'tsx', '-C', 'jetbeam-source', '--input-type=module', '-e', program], {
      cwd: fileURLToPath(new URL('../../../', import.meta.url)),
      encoding: 'utf8',
    })
    assert.strictEqual(other.trim(), printed())
    assert.match(printed(), /^[0-9a-f]{64}$/)
  }).timeout(20_000)

  it('differs with windows, names, identities, coders and nodes', () => {
    const all = [{}, { window: 2 }, { name: 'Sums' }, { to: 'OTHER' }, { coded: true }, { extraMap: true }].map(shape => printed(shape))
    assert.lengthOf(new Set(all), all.length)
  })

  it('does not depend on the order of the leaves', () => {
    const [a, b] = [totals(), pipe(read('OTHER'), write('B'))]
    assert.strictEqual(fingerprint(graphOf([a, b])), fingerprint(graphOf([b, a])))
  })
})

describe('a restore', () => {
  it('meets no obstacle in an added map, or in another watermark', () => {
    assert.deepEqual(changes({}, { extraMap: true, outOfOrdernessMs: 5 }), [])
  })

  it('compares summaries that are JSON', () => {
    const summary = statefulSummary(graphOf([totals()]))
    assert.deepEqual(JSON.parse(JSON.stringify(summary)), summary)
    assert.deepEqual(
      summary.map(({ id, kind }) => [id, kind]),
      [
        ['Totals/Combine.perKey#1', 'combine'],
        ['read(VIEWS)#1', 'source'],
        ['write(TOTALS)#1', 'sink'],
      ],
    )
  })

  it('says which window was changed, from what to what', () => {
    assert.deepEqual(changes({}, { window: 2 }), ['Totals/Combine.perKey#1 (combine): windowing.windowFn.size was 60000 and is 120000'])
  })

  it('says that keys are encoded otherwise', () => {
    assert.deepEqual(changes({}, { coded: true }), [
      `Totals/Combine.perKey#1 (combine): keyCoder was nothing and is ${JSON.stringify(Coder.string.urn)}`,
    ])
  })

  it('says what would be dropped, what is new, and how to go on', () => {
    const [gone, added, ...rest] = changes({}, { name: 'Sums' })
    assert.match(gone ?? '', /^Totals\/Combine\.perKey#1 \(combine\) is gone: the accumulators it holds would be dropped.*named\(/)
    assert.match(added ?? '', /^Sums\/Combine\.perKey#1 \(combine\) is new/)
    assert.isEmpty(rest)
  })
})
