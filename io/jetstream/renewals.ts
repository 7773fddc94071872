// What readers say when they read on with a new consumer. After a restart of the server each of a thousand subjects' readers does: one line
// with their number says more than a thousand equal ones.
import type { HostContext } from '../../sdk/model/bindings.ts'

const gatherMs = 250

/** Why, and whatever else tells which reader it is and where it stands. */
export interface Renewal extends Readonly<Record<string, unknown>> {
  readonly reason: string
}

export class Renewals {
  readonly #label: string
  readonly #log: HostContext['log']
  #gathered: Renewal[] = []
  #timer: NodeJS.Timeout | null = null

  constructor(label: string, log: HostContext['log']) {
    this.#label = label
    this.#log = log
  }

  add(renewal: Renewal): void {
    this.#gathered.push(renewal)
    this.#timer ??= setTimeout(() => this.tell(), gatherMs).unref()
  }

  /** Now, what was not told yet. */
  tell(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    const [first, ...others] = this.#gathered
    this.#gathered = []
    if (first === undefined) return
    if (others.length === 0) return this.#log('info', `${this.#label}: reading on with a new consumer`, first)
    const reasons: Record<string, number> = {}
    for (const { reason } of [first, ...others]) reasons[reason] = (reasons[reason] ?? 0) + 1
    this.#log('info', `${this.#label}: ${others.length + 1} readers read on with new consumers`, { reasons, first })
  }
}
