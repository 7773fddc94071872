// What should be somewhere once, against what is there.

export interface Counted {
  readonly lost: ReadonlyArray<string>
  readonly repeated: ReadonlyArray<string>
  readonly unexpected: ReadonlyArray<string>
}

export const countOnce = (expected: ReadonlyArray<string>, actual: ReadonlyArray<string>): Counted => {
  const times = new Map<string, number>()
  for (const text of actual) times.set(text, (times.get(text) ?? 0) + 1)
  const wanted = new Set(expected)
  return {
    lost: expected.filter(text => !times.has(text)),
    repeated: [...times].filter(([, n]) => n > 1).map(([text]) => text),
    unexpected: [...times.keys()].filter(text => !wanted.has(text)),
  }
}
