// Where a sink's markers lie inside its destination, and how whoever reads the stream tells them from other messages.
import { shortHash } from './output-ids.ts'

const mark = '_jetbeam-'
const ownTokens = '_jetbeam'

/** A subject of the stream with room in it: one that is there for it, else the first with a wildcard. Null: there is none. */
export const markerPlace = (subjects: ReadonlyArray<string> | undefined): string | null => {
  const roomy = (subjects ?? []).filter(subject => subject.split('.').some(token => token === '*' || token === '>'))
  return roomy.find(subject => subject.split('.').includes(ownTokens)) ?? roomy[0] ?? null
}

/** Where markers lie in `place`, for messages. */
export const markersShown = (place: string): string =>
  place
    .split('.')
    .map(each => (each === '*' || each === '>' ? `${mark}ID` : each))
    .join('.')

/** Of one task of one sink in one run: another run has others. */
export const markerSubject = (place: string, runId: string, sinkId: string, shard: string): string => {
  const token = mark + shortHash(`${runId} ${sinkId} ${shard}`)
  return place
    .split('.')
    .map(each => (each === '*' || each === '>' ? token : each))
    .join('.')
}

export const isMarker = (subject: string): boolean => subject.includes(mark) && subject.split('.').some(token => token.startsWith(mark))
