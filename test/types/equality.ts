// Types compared exactly: what comes out must be the type that is written down, not one that it fits.
type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/** `is<Expected>()(value)`: gives a Same only where the value's type is exactly Expected; else the compiler shows both. */
export declare const is: <A>() => <B>(
  b: B,
) => Equal<A, B> extends true ? { readonly same: true } : { readonly expected: A; readonly got: B }
export type Same = ReadonlyArray<{ readonly same: true }>
