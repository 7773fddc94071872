// Where this machine gets its Debian packages from, as its apt configuration says. Its mirror is the one that works here, and its keys are
// the ones that it trusts.
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** A Debian archive among apt's sources. */
export interface Archive {
  readonly uri: string
  /** Code names without `-updates` and the like: `bookworm`. */
  readonly suites: ReadonlyArray<string>
  /** A path of a keyring, or a whole key, as apt's `Signed-By` has it; null: the machine's trusted keys. */
  readonly signedBy: string | null
}

/** The archives of Debian itself that are enabled, without those of security updates and of third parties. */
export const debianArchives = async (folder = '/etc/apt'): Promise<ReadonlyArray<Archive>> => {
  const parts = await readdir(join(folder, 'sources.list.d')).catch(() => [])
  const files = ['sources.list', ...parts.sort().map(name => join('sources.list.d', name))]
  const found = files.map(async name => {
    const text = await readFile(join(folder, name), 'utf8').catch(() => '')
    return name.endsWith('.sources') ? stanzas(text) : name.endsWith('.list') ? lines(text) : []
  })
  return (await Promise.all(found)).flat().flatMap(debianOnly)
}

interface Source {
  readonly types: ReadonlyArray<string>
  readonly uris: ReadonlyArray<string>
  readonly suites: ReadonlyArray<string>
  readonly components: ReadonlyArray<string>
  readonly signedBy: string | null
}

const codeNames = /^(stretch|buster|bullseye|bookworm|trixie|forky|duke|sid|oldoldstable|oldstable|stable|testing|unstable)$/

// Third parties use the code names too, so the address must say `debian` as well.
const debianOnly = ({ types, uris, suites, components, signedBy }: Source): ReadonlyArray<Archive> => {
  const own = suites.filter(suite => codeNames.test(suite))
  const uri = uris.find(each => /debian/i.test(each))
  return types.includes('deb') && components.includes('main') && own.length > 0 && uri !== undefined ? [{ uri, suites: own, signedBy }] : []
}

/** The older format: `deb [signed-by=/path arch=amd64] http://… bookworm main contrib`. */
const lines = (text: string): ReadonlyArray<Source> =>
  text.split('\n').flatMap(line => {
    const found = /^\s*(deb|deb-src)\s+(?:\[([^\]]*)\]\s*)?(\S+)\s+(\S+)([^#]*)/.exec(line)
    if (found === null) return []
    const [, type = '', options = '', uri = '', suite = '', components = ''] = found
    const signedBy = /(?:^|\s)signed-by=(\S+)/i.exec(options)?.[1] ?? null
    return [{ types: [type], uris: [uri], suites: [suite], components: words(components), signedBy }]
  })

/** The newer format: paragraphs of `Field: value`, where a line that begins with a space continues the value. */
const stanzas = (text: string): ReadonlyArray<Source> =>
  text.split(/\n\s*\n/).flatMap(paragraph => {
    const uncommented = paragraph
      .split('\n')
      .filter(line => !line.startsWith('#'))
      .join('\n')
    const fields = new Map<string, string>()
    for (const [, name = '', value = ''] of uncommented.matchAll(/^([A-Za-z-]+):((?:.*)(?:\n[ \t].*)*)/gm))
      fields.set(name.toLowerCase(), value.trim())
    if (/^(no|false|off|0)$/i.test(fields.get('enabled') ?? 'yes')) return []
    const list = (name: string): ReadonlyArray<string> => words(fields.get(name) ?? '')
    return [
      {
        types: list('types'),
        uris: list('uris'),
        suites: list('suites'),
        components: list('components'),
        signedBy: fields.get('signed-by') ?? null,
      },
    ]
  })

const words = (text: string): ReadonlyArray<string> => text.split(/\s+/).filter(word => word !== '')
