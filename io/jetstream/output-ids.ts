// The names of outputs, as Nats-Msg-Id: an output has the same one each time it is published, and no two outputs share one.
//   <run>.<sink>.<group>.<position>.<ordinal>
// The group is the split's source for immediate outputs, and (shard, generation, epoch) with an index for checkpointed ones. The
// subject is no part of it: ids are stream-wide.
import { createHash } from 'node:crypto'
import { isCount } from './fields.ts'

/** Eleven characters of [A-Za-z0-9_-]: 66 bits, no dots. */
export const shortHash = (text: string): string => createHash('sha256').update(text).digest('base64url').slice(0, 11)

export const idPrefix = (runId: string, sinkId: string): string =>
  `${/^[\w-]+$/.test(runId) ? runId : shortHash(runId)}.${shortHash(sinkId)}.`

export const outputId = (prefix: string, group: string, position: number, ordinal: number): string =>
  `${prefix}${group}.${position}.${ordinal}`

interface Group {
  /** For each position, a bit for each of its first 31 ordinals. */
  readonly bits: Map<number, number>
  /** Further ordinals: `position.ordinal`. */
  more: Set<string> | null
  last: number
}

/** Ids of this sink that a scan found in the destination. 100,000 of them take about 5 MB. */
export class StoredIds {
  private readonly prefix: string
  private readonly groups = new Map<string, Group>()
  /** How many were added. */
  size = 0

  constructor(prefix: string) {
    this.prefix = prefix
  }

  get isEmpty(): boolean {
    return this.groups.size === 0
  }

  /** Whether it was one of ours. */
  add(id: string): boolean {
    if (!id.startsWith(this.prefix)) return false
    const [name = '', position = '', ordinal = ''] = id.slice(this.prefix.length).split('.')
    const [p, o] = [Number(position), Number(ordinal)]
    if (name === '' || !isCount(p) || !isCount(o) || outputId(this.prefix, name, p, o) !== id) return false
    const group = this.groups.get(name) ?? { bits: new Map<number, number>(), more: null, last: -1 }
    this.groups.set(name, group)
    if (o < 31) group.bits.set(p, (group.bits.get(p) ?? 0) | (1 << o))
    else (group.more ??= new Set()).add(`${p}.${o}`)
    group.last = Math.max(group.last, p)
    this.size++
    return true
  }

  has(name: string, position: number, ordinal: number): boolean {
    const group = this.groups.get(name)
    if (group === undefined) return false
    return ordinal < 31 ? ((group.bits.get(position) ?? 0) & (1 << ordinal)) !== 0 : (group.more?.has(`${position}.${ordinal}`) ?? false)
  }

  /** Nothing of the group up to this position will be asked for again: positions ascend, and all of a position's outputs come together. */
  passed(name: string, position: number): void {
    const group = this.groups.get(name)
    if (group !== undefined && position >= group.last) this.groups.delete(name)
  }

  forget(name: string): void {
    this.groups.delete(name)
  }
}
