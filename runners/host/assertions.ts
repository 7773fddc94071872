// What a test asserts of its collections, checked when the run has come to its end.
import type { AssertedElement } from '../../sdk/graph/node.ts'
import type { StageInstance } from '../harness/stage-instance.ts'
import { AssertionFailure } from './errors.ts'

interface Gathered {
  readonly check: (elements: ReadonlyArray<AssertedElement>, path: string) => void
  readonly elements: AssertedElement[]
}

/** Throws an AssertionFailure for the first that does not hold. Several stages and tasks may lead to one assertion. */
export const checkAssertions = (instances: ReadonlyArray<StageInstance>): void => {
  const all = new Map<string, Gathered>()
  for (const { exit, gathered } of instances.flatMap(({ exits }) => exits)) {
    if (exit._tag !== 'Assert') continue
    const known = all.get(exit.assertId) ?? { check: exit.check, elements: [] }
    all.set(exit.assertId, known)
    for (const element of gathered) known.elements.push(element)
  }
  for (const [path, { check, elements }] of all) {
    try {
      check(elements, path)
    } catch (cause) {
      throw new AssertionFailure(cause)
    }
  }
}
