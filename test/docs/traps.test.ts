// Each test that the table of traps names is there: by its file, and the beginning or a part of its sentence.
import { readFile } from 'node:fs/promises'
import { assert } from 'chai'

const root = new URL('../../', import.meta.url)
const text = (path: string): Promise<string> => readFile(new URL(path, root), 'utf8')

describe('The table of traps', () => {
  it('names tests that are there', async () => {
    const rows = (await text('io/jetstream/TRAPS.md')).split('\n').filter(line => /^\| (?!trap|---|\*\*)/.test(line))
    assert.isAbove(rows.length, 30)
    for (const row of rows) {
      const shown = row.split(' | ').at(-1)?.replace(/ \|$/, '') ?? ''
      for (const test of shown.split(' · ')) {
        const [, file = '', sentence = ''] = /^(\S+): (.+)$/.exec(test) ?? assert.fail(`${test} is no file and sentence, in: ${row}`)
        const tests = await text(`test/${file.includes('/') ? file : `integration/${file}`}.test.ts`)
        const sentences = [...tests.matchAll(/\bit\(\s*(['"`])(.*?)\1,/gs)].map(([, , said = '']) => said)
        assert.isTrue(
          sentences.some(said => said.includes(sentence)),
          `${file}.test.ts has no test that says: ${sentence}`,
        )
      }
    }
  })
})
