// What a test asserts of its collections, checked when the run has come to its end.
import type { AssertedElement } from '../../sdk/graph/node.ts'
import type { StageInstance } from '../harness/stage-instance.ts'
import type { Plan } from '../plan/stage.ts'
import { AssertionFailure } from './errors.ts'

type Elements = ReadonlyArray<AssertedElement>

/** By assertion: what has come to it in these stages. Several stages and tasks may lead to one. */
export const gatheredIn = (instances: ReadonlyArray<StageInstance>): Readonly<Record<string, Elements>> => {
  const all: Record<string, AssertedElement[]> = {}
  for (const { exit, gathered } of instances.flatMap(({ exits }) => exits)) {
    if (exit._tag !== 'Assert') continue
    const known = (all[exit.assertId] ??= [])
    for (const element of gathered) known.push(element)
  }
  return all
}

/** Throws an AssertionFailure for the first that does not hold; `gathered`: of each thread. */
export const checkAssertions = (plan: Plan, gathered: ReadonlyArray<Readonly<Record<string, Elements>>>): void => {
  const exits = plan.stages.flatMap(stage => stage.exits.flatMap(exit => (exit._tag === 'Assert' ? [exit] : [])))
  for (const { assertId, check } of new Map(exits.map(exit => [exit.assertId, exit])).values()) {
    try {
      check(
        gathered.flatMap(of => of[assertId] ?? []),
        assertId,
      )
    } catch (cause) {
      throw new AssertionFailure(cause)
    }
  }
}
