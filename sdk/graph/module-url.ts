// The module in which a pipeline is defined: worker threads import it.
import { pathToFileURL } from 'node:url'

/** The module that defines a pipeline: `import.meta`, which has a `url`, or the `module` of CommonJS, which has a `filename`. */
export type DefiningModule = { readonly url: string } | { readonly filename: string }

/** null for a value that names no module, such as the empty `import.meta` of a bundle in CommonJS. */
export const moduleUrl = (module: unknown): string | null => {
  if (typeof module !== 'object' || module === null) return null
  if ('url' in module && typeof module.url === 'string') return module.url
  return 'filename' in module && typeof module.filename === 'string' ? pathToFileURL(module.filename).href : null
}

/** What to pass instead. */
export const moduleAdvice =
  'Pass import.meta, or in CommonJS module. A bundle in CommonJS has no import.meta: let the bundler write ESM (format: esm), or pass module'
