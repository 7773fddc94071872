// A schema: the keys of one section as data. Checks, texts and the README's table follow from it.
import type { Either } from 'fp-ts/lib/Either.js'

/** As a text holds it. */
export type Shown = string | number | boolean | ReadonlyArray<string>

export interface Accepted<out A> {
  readonly value: A
  /** What gives the same value again. */
  readonly shown: Shown
}

export type ProblemTag = 'InvalidOptions' | 'InvalidSubject' | 'OverlappingSubjects'

export interface Refusal {
  readonly tag: ProblemTag
  /** Completes "splits: …". Never holds a secret. */
  readonly reason: string
}

/** What values a key takes: from code as they are, from a text as it has them. */
export interface Kind<out A> {
  /** For tables and messages: `a whole number from 1`. */
  readonly says: string
  readonly accept: (value: unknown) => Either<Refusal, Accepted<A>>
}

export interface Key<out A> {
  readonly kind: Kind<A>
  readonly required: boolean
  /** What holds where nothing is said; null where that is no value. */
  readonly fallback: A | null
  /** The same in words, for tables. */
  readonly otherwise: string
  readonly meaning: string
}

/** A problem of one key, by its path. */
export interface Problem extends Refusal {
  readonly path: string
}

/** `O`: what the section is as an object; it has these keys and no others. */
export interface Schema<O> {
  readonly keys: { readonly [K in keyof O]-?: Key<NonNullable<O[K]>> }
  /** What several keys must be to each other. Paths without the section. */
  readonly rules: (values: Partial<O>) => ReadonlyArray<Problem>
}

export const required = <A>(kind: Kind<A>, meaning: string): Key<A> => ({
  kind,
  required: true,
  fallback: null,
  otherwise: '(must be given)',
  meaning,
})

export const optional = <A>(kind: Kind<A>, otherwise: string, meaning: string): Key<A> => ({
  kind,
  required: false,
  fallback: null,
  otherwise,
  meaning,
})

/** A key with a value where nothing is said, which is given where the key is used. */
export const withDefault = <A>(kind: Kind<A>, fallback: A, otherwise: string, meaning: string): Key<A> & { readonly fallback: A } => ({
  kind,
  required: false,
  fallback,
  otherwise,
  meaning,
})
