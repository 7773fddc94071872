// One pipeline in several shapes, for what must and must not change with them.
import * as N from 'fp-ts/lib/number.js'
import type { PDone } from '../../../sdk/graph/pcollection.ts'
import { Coder, Combine, FixedWindows, PCollection, Window, minutes, named, pipe } from '../../../sdk/index.ts'
import { read, write } from './endpoints.ts'

export interface Shape {
  readonly window?: number
  readonly name?: string
  readonly extraMap?: boolean
  readonly to?: string
  readonly coded?: boolean
  readonly outOfOrdernessMs?: number
}
export const totals = ({
  window = 1,
  name = 'Totals',
  extraMap = false,
  to = 'TOTALS',
  coded = false,
  outOfOrdernessMs = 0,
}: Shape = {}): PDone =>
  pipe(
    read<readonly [string, number]>('VIEWS', { outOfOrdernessMs }),
    extraMap ? PCollection.map(pair => pair) : pc => pc,
    PCollection.keyBy(([page]) => page, { coder: coded ? Coder.string : undefined }),
    PCollection.mapValues(([, millis]) => millis),
    Window.into(FixedWindows.of(minutes(window))),
    named(name, Combine.perKey(N.MonoidSum)),
    write(to),
  )
