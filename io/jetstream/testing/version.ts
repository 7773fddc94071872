// Which versions of nats-server are wanted, and how two of them compare.

/** What is fetched when no server is at hand. It needs Go 1.26 to be built. */
export const wantedVersion = '2.15.2'

/** From here on a server has atomic batches. Older ones work, with the features they have. */
export const recentVersion = '2.12.0'

/** The first version in a text such as `nats-server: v2.15.2`, without the `v`; null if there is none. */
export const versionIn = (text: string): string | null => /\bv?(\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?)/.exec(text)?.[1] ?? null

/** The same version with all three numbers: `2.12` is `2.12.0`. Throws a TypeError for what is not a version. */
export const fullVersion = (version: string): string => {
  const { numbers, preview } = parts(version)
  return numbers.join('.') + (preview === '' ? '' : `-${preview}`)
}

/** Negative where `a` is the older one. A preview comes before its release, previews as their names sort. */
export const compareVersions = (a: string, b: string): number => {
  const [left, right] = [parts(a), parts(b)]
  for (const i of [0, 1, 2] as const) if (left.numbers[i] !== right.numbers[i]) return left.numbers[i] - right.numbers[i]
  if (left.preview === right.preview) return 0
  if (left.preview === '') return 1
  if (right.preview === '') return -1
  return left.preview.localeCompare(right.preview, 'en', { numeric: true })
}

interface Parts {
  readonly numbers: readonly [major: number, minor: number, patch: number]
  readonly preview: string
}

const parts = (version: string): Parts => {
  const found = /^v?(\d+)\.(\d+)(?:\.(\d+))?(?:-(.+))?$/.exec(version)
  if (found === null) throw new TypeError(`'${version}' is not a version of nats-server: write it as '2.12.1'.`)
  return { numbers: [Number(found[1]), Number(found[2]), Number(found[3] ?? 0)], preview: found[4] ?? '' }
}
