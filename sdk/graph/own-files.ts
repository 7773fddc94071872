// Which files belong to this package: a message that names a place in the user's program skips their stack frames.
import { fileURLToPath, pathToFileURL } from 'node:url'

const meta: { readonly url?: string } = import.meta

/** The URL of this file, or of the bundle that contains it: bundled as CommonJS it has no import.meta. null: unknown. */
export const ownUrl: string | null = meta.url ?? (typeof __filename === 'string' ? pathToFileURL(__filename).href : null)

/** The package's folder, and its dist, whose source maps lead to the sources beside it; none where the package is part of a bundle. */
const roots = (): ReadonlyArray<string> => {
  if (ownUrl === null || !/\/sdk\/graph\/[^/]+$/.test(ownUrl)) return []
  return (ownUrl.includes('/dist/sdk/') ? ['../../', '../../../'] : ['../../']).map(above => fileURLToPath(new URL(above, ownUrl)))
}
const ours = roots().flatMap(root => ['sdk', 'io', 'runners'].map(room => new RegExp(`^${escaped(root + room)}[\\\\/]`)))

/** Whether this copy of the package is part of another program's bundle. */
export const isBundled = ours.length === 0

export const isOwnFile = (path: string): boolean => ours.some(room => room.test(path)) || /[\\/]node_modules[\\/]jetbeam[\\/]/.test(path)

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
