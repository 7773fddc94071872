// The README shows what tests run: its code must stand in a file, letter for letter.
import { readFile } from 'node:fs/promises'
import { assert } from 'chai'

const root = new URL('../../', import.meta.url)
const block = /<!-- (\S+) -->\s*```ts\n([\s\S]*?)```/g

describe('The README', () => {
  it('borrows its code from files that tests run', async () => {
    const readme = await readFile(new URL('README.md', root), 'utf8')
    const blocks = [...readme.matchAll(block)]
    assert.isAbove(blocks.length, 0)
    assert.equal(blocks.length, readme.split('```ts').length - 1, 'each block names its file')
    for (const [, file = '', code = ''] of blocks) assert.include(await readFile(new URL(file, root), 'utf8'), code.trim(), file)
  })

  it('shows the commands that exist', async () => {
    const readme = await readFile(new URL('README.md', root), 'utf8')
    const { scripts } = JSON.parse(await readFile(new URL('package.json', root), 'utf8')) as {
      readonly scripts: Readonly<Record<string, string>>
    }
    const named = [...readme.matchAll(/npm run ([\w:]+)/g)].map(([, name = '']) => name)
    assert.isAbove(named.length, 2)
    for (const name of named) assert.property(scripts, name)
    assert.include(readme, 'npm ci && npm test')
    assert.include(readme, 'npm ci && npm start')
  })
})
