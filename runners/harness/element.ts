// What a compiled stage's text knows of an element at some point of its chain: the names of the variables that hold its parts.
import type { CodeWriter } from './code-writer.ts'

export interface Element {
  readonly value: Value
  /** A variable or a literal: milliseconds. */
  readonly timestamp: string
  /** An array of windows; null where all elements are in the global window. */
  readonly windows: string | null
  readonly pane: string
}

/** A key and its value stay apart until somebody asks for the pair: most keyed chains never build one. */
export type Value =
  { readonly _tag: 'Whole'; readonly name: string } | { readonly _tag: 'Pair'; readonly key: string; readonly value: string }

export const whole = (name: string): Value => ({ _tag: 'Whole', name })
export const pair = (key: string, value: string): Value => ({ _tag: 'Pair', key, value })

/** The element's value as one variable; builds a pair where there is none yet. */
export const wholeOf = (out: CodeWriter, value: Value): string => {
  if (value._tag === 'Whole') return value.name
  const name = out.fresh('v')
  out.line(`const ${name} = [${value.key}, ${value.value}]`)
  return name
}

/** The element's key and value as two variables. */
export const pairOf = (out: CodeWriter, value: Value): { readonly key: string; readonly value: string } => {
  if (value._tag === 'Pair') return value
  const [key, inner] = [out.fresh('k'), out.fresh('v')]
  out.line(`const ${key} = ${value.name}[0], ${inner} = ${value.name}[1]`)
  return { key, value: inner }
}
