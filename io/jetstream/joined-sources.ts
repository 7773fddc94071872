// Several streams in one read: a source for each, as one. A split's id begins with its stream.
import type { ConnectedSource, Discovered, Split } from '../../sdk/splittable/source.ts'
import { JetStreamIOError } from './errors.ts'
import type { StreamMessage } from './message.ts'

type Connected = ConnectedSource<StreamMessage>

/** `parts`: by stream, each connected. */
export const joined = (label: string, parts: ReadonlyMap<string, Connected>): Connected => {
  const own = (stream: string, split: Split): Split => ({ ...split, id: split.id.slice(stream.length + 1) })
  const named = (stream: string, split: Split): Split => ({ ...split, id: `${stream}/${split.id}` })
  /** The part that a split is of, and the split as that part knows it. */
  const partOf = (split: Split): { readonly stream: string; readonly part: Connected; readonly split: Split } => {
    const stream = split.id.slice(0, split.id.indexOf('/'))
    const part = parts.get(stream)
    if (part !== undefined) return { stream, part, split: own(stream, split) }
    throw new JetStreamIOError(
      'InvalidOptions',
      `${label}: the checkpoint has a split ${split.id}, which is of none of these streams. Read the same streams as before, or start a new run.`,
    )
  }
  const all = <A>(work: (part: Connected, stream: string) => Promise<A>): Promise<ReadonlyArray<readonly [string, A]>> =>
    Promise.all([...parts].map(async ([stream, part]) => [stream, await work(part, stream)] as const))
  const everyMs = [...parts.values()].flatMap(({ discovery }) => discovery?.everyMs ?? [])
  return {
    resolve: async o => (await all(part => part.resolve(o))).flatMap(([stream, splits]) => splits.map(split => named(stream, split))),
    endNow: async () => {
      const ends = new Map(await all(async ({ endNow }) => endNow?.()))
      return split => {
        const { stream, split: of } = partOf(split)
        return named(stream, ends.get(stream)?.(of) ?? of)
      }
    },
    open: async (split, progress) => {
      const { part, split: of } = partOf(split)
      return part.open(of, progress)
    },
    recommit: async (split, progress) => {
      const { part, split: of } = partOf(split)
      await part.recommit?.(of, progress)
    },
    discovery:
      everyMs.length === 0
        ? undefined
        : {
            everyMs: Math.min(...everyMs),
            find: async ({ known, toEnd }): Promise<Discovered> => {
              const found = await all(({ discovery }, stream) => {
                if (discovery === undefined) throw new Error(`${label}: ${stream} is not split by subject`)
                return discovery.find({
                  known: known.flatMap(split => (partOf(split).stream === stream ? [own(stream, split)] : [])),
                  toEnd,
                })
              })
              return {
                splits: found.flatMap(([stream, { splits }]) => splits.map(split => named(stream, split))),
                horizon: Math.min(...found.map(([, { horizon }]) => horizon)),
              }
            },
          },
    guarantee: () => [...parts.values()].map(part => part.guarantee()).join('\n'),
    close: async () => {
      await Promise.all([...parts.values()].map(part => part.close()))
    },
  }
}
