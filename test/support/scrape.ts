// Reads what a metrics endpoint answered, as strictly as the format's specification does.
import { assert } from 'chai'

const sample = /^([a-z_:][a-z0-9_:]*)(?:\{((?:[a-z_][a-z0-9_]*="(?:[^"\\\n]|\\[\\"n])*",?)*)\})? (\S+)$/

export interface Scraped {
  /** `name{labels}` to the value. */
  readonly samples: ReadonlyMap<string, number>
  /** The family's name to its type. */
  readonly types: ReadonlyMap<string, string>
}

/** Fails where a line is malformed, a sample has no family, or a family comes twice. */
export const scraped = (text: string, isOpenMetrics: boolean): Scraped => {
  const lines = text.split('\n')
  assert.strictEqual(lines.pop(), '', 'the text ends with a line break')
  if (isOpenMetrics) assert.strictEqual(lines.pop(), '# EOF')
  const types = new Map<string, string>()
  const helps = new Set<string>()
  const samples = new Map<string, number>()
  let family = ''
  for (const line of lines) {
    const [, keyword, name = '', rest = ''] = /^# (HELP|TYPE|UNIT) (\S+) (.+)$/.exec(line) ?? []
    if (keyword === 'HELP') {
      assert.isFalse(helps.has(name), `${name} comes twice`)
      helps.add((family = name))
    } else if (keyword === 'TYPE') {
      assert.strictEqual(name, family)
      types.set(name, rest)
    } else if (keyword === 'UNIT') {
      assert.isTrue(isOpenMetrics && name === family && name.endsWith(`_${rest}`), line)
    } else {
      const [, found = '', , value = ''] = sample.exec(line) ?? assert.fail(`malformed: ${line}`)
      const type = types.get(family)
      const suffixes = type === 'histogram' ? ['_bucket', '_sum', '_count'] : isOpenMetrics && type === 'counter' ? ['_total'] : ['']
      assert.include(
        suffixes.map(suffix => family + suffix),
        found,
      )
      const key = line.slice(0, line.lastIndexOf(' '))
      assert.isFalse(samples.has(key), `${key} comes twice`)
      samples.set(key, Number(value))
    }
  }
  return { samples, types }
}
