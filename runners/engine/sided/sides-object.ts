// The object of side inputs that a user's function gets beside an element.
import type { SideSpec } from '../../plan/stage.ts'
import type { Content } from './side-store.ts'

/** What a user's function destructures: a side without a value throws when it is read. */
export const sidesOf = (sides: ReadonlyArray<SideSpec>, contents: ReadonlyArray<Content>): object => {
  const values = {}
  for (const [i, { name }] of sides.entries()) {
    const readable = contents[i]?.readable()
    if (readable === undefined) continue
    Object.defineProperty(values, name, {
      enumerable: true,
      ...(readable._tag === 'Right'
        ? { value: readable.right }
        : {
            get: () => {
              throw readable.left()
            },
          }),
    })
  }
  return Object.freeze(values)
}
