// Where things are, and which manifests are a job's history: functions without a disk.
import { assert } from 'chai'
import { defaultPlace } from '../../../runners/checkpoint/default-place.ts'
import { folderName } from '../../../runners/checkpoint/job-folder.ts'
import { historyOf, newestOf } from '../../../runners/checkpoint/retention.ts'

describe('The default place of checkpoints', () => {
  it('is the state directory of the platform', () => {
    assert.strictEqual(defaultPlace('linux', {}, '/home/ann'), '/home/ann/.local/state/jetbeam/checkpoints')
    assert.strictEqual(defaultPlace('linux', { XDG_STATE_HOME: '/state' }, '/home/ann'), '/state/jetbeam/checkpoints')
    assert.strictEqual(
      defaultPlace('darwin', { XDG_STATE_HOME: '/state' }, '/Users/ann'),
      '/Users/ann/Library/Application Support/jetbeam/checkpoints',
    )
    assert.strictEqual(defaultPlace('win32', { LOCALAPPDATA: 'D:\\Local' }, 'C:\\Users\\ann'), 'D:\\Local\\jetbeam\\checkpoints')
    assert.strictEqual(defaultPlace('win32', {}, 'C:\\Users\\ann'), 'C:\\Users\\ann\\AppData\\Local\\jetbeam\\checkpoints')
  })

  it('does not follow a relative or empty XDG_STATE_HOME, as its specification says', () => {
    for (const XDG_STATE_HOME of ['', 'state', './state'])
      assert.strictEqual(defaultPlace('linux', { XDG_STATE_HOME }, '/home/ann'), '/home/ann/.local/state/jetbeam/checkpoints')
  })
})

describe("A job's folder", () => {
  it('has the name of a plain job, and a legible one of any other', () => {
    assert.strictEqual(folderName('page-time'), 'page-time')
    assert.match(folderName('Page Time'), /^page-time\.[0-9a-f]{20}$/)
    assert.match(folderName('../../etc'), /^etc\.[0-9a-f]{20}$/)
    assert.match(folderName(''), /^\.[0-9a-f]{20}$/)
  })

  it('differs for jobs that differ, on file systems that ignore case too', () => {
    const names = [
      'a',
      'A',
      'a b',
      'a-b',
      'A b',
      'con',
      'CON',
      'é',
      'e\u0301',
      '\ud800',
      '\ud801',
      '',
      ' ',
      '.',
      'x'.repeat(60),
      'x'.repeat(61),
      'x'.repeat(62),
      folderName('A'),
    ]
    assert.strictEqual(new Set(names.map(name => folderName(name).toLowerCase())).size, names.length)
  })
})

describe("A job's history", () => {
  const key = (generation: number, epoch: number) => ({ generation, epoch })

  it('is empty without manifests', () => {
    assert.isNull(newestOf([], null))
    assert.isNull(newestOf([], { generation: 3, base: null }))
  })

  it('ends in the last manifest of the last generation that wrote one', () => {
    const manifests = [key(2, 10), key(1, 9), key(2, 9), key(1, 8)]
    assert.deepStrictEqual(newestOf(manifests, { generation: 2, base: key(1, 8) }), key(2, 10))
    assert.deepStrictEqual(newestOf(manifests, null), key(2, 10))
  })

  it('ends in what the last generation went on from, as long as it has written nothing', () => {
    assert.deepStrictEqual(newestOf([key(1, 8), key(1, 9), key(1, 10)], { generation: 2, base: key(1, 8) }), key(1, 8))
    assert.isNull(newestOf([key(1, 0)], { generation: 2, base: null }))
  })

  it('has no manifest of a generation that had lost its lease', () => {
    const manifests = [key(1, 7), key(1, 8), key(1, 9), key(1, 10), key(2, 9), key(2, 10), key(4, 11)]
    assert.deepStrictEqual(historyOf(manifests, key(4, 11)), [key(4, 11), key(2, 10), key(2, 9), key(1, 8), key(1, 7)])
    assert.deepStrictEqual(historyOf(manifests, key(1, 8)), [key(1, 8), key(1, 7)])
  })
})
