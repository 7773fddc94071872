// Which known name was probably meant by one that is not known.
import { editDistance } from '../../sdk/model/edit-distance.ts'

/** The one that takes the fewest edits, if these are few for its length. */
export const nearest = (name: string, known: ReadonlyArray<string>): string | null => {
  let best: string | null = null
  let fewest = Math.max(1, Math.floor(name.length / 3)) + 1
  for (const candidate of known) {
    const edits = candidate.startsWith(name) && name.length >= 3 ? 1 : editDistance(name, candidate)
    if (edits < fewest) [best, fewest] = [candidate, edits]
  }
  return best
}
