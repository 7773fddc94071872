// The metrics of one task: a cell for each transform and name that was updated.
import type { MetricName, MetricScope } from '../../sdk/model/metric-scope.ts'
import { mergeValues, type Metric, type MetricKind, type MetricValues, valueOf } from '../../sdk/model/metric-values.ts'

/** One metric as a checkpoint holds it. */
export interface MetricRecord {
  readonly transform: string
  readonly kind: MetricKind
  readonly name: string
  readonly value: MetricValues[MetricKind]
}

/** Names are made by a program, so it may make too many. */
const mostCells = 1_000
/** So may classes of errors. */
const mostClasses = 100
const otherClasses = 'other'

/** How often a transform's functions failed with errors of one class. */
export interface FailureCount {
  readonly transform: string
  readonly error: string
  readonly count: number
}

interface Cell {
  readonly metric: Pick<MetricName, 'kind' | 'name'>
  value: MetricValues[MetricKind]
}

export class MetricCells {
  readonly #byTransform = new Map<string, Map<string, Cell>>()
  readonly #now: () => number
  readonly #failures = new Map<string, Map<string, number>>()
  #classes = 0
  #count = 0
  #inSnapshot: ReadonlyArray<MetricRecord> = []
  #committed: ReadonlyMap<string, MetricRecord['value']> = new Map()

  constructor(now: () => number) {
    this.#now = now
  }

  /** Where updates go while the functions of `transform` run; it is asked at each update. */
  scope(transform: () => string): MetricScope {
    return {
      update: (metric, input) => this.#update(transform(), metric, input),
      failed: error => this.#failed(transform(), error),
    }
  }

  #failed(transform: string, error: string): void {
    const classes = this.#failures.get(transform) ?? new Map<string, number>()
    this.#failures.set(transform, classes)
    const isNew = !classes.has(error)
    const name = isNew && this.#classes >= mostClasses ? otherClasses : error
    if (isNew && name === error) this.#classes++
    classes.set(name, (classes.get(name) ?? 0) + 1)
  }

  /** Since the task was made: no checkpoint holds them. */
  failures(): ReadonlyArray<FailureCount> {
    return [...this.#failures].flatMap(([transform, classes]) => [...classes].map(([error, count]) => ({ transform, error, count })))
  }

  #update(transform: string, metric: MetricName, input: number | string): void {
    const cells = this.#byTransform.get(transform) ?? this.#begin(transform)
    const cell = cells.get(metric.id)
    if (cell !== undefined) cell.value = mergeValues<MetricKind>(metric.kind, cell.value, valueOf(metric.kind, input, this.#now()))
    else if (this.#count < mostCells) {
      this.#count++
      cells.set(metric.id, { metric, value: valueOf(metric.kind, input, this.#now()) })
    }
  }

  #begin(transform: string): Map<string, Cell> {
    const cells = new Map<string, Cell>()
    this.#byTransform.set(transform, cells)
    return cells
  }

  /** What there is now, as a checkpoint keeps it. */
  snapshot(): ReadonlyArray<MetricRecord> {
    // Values are never changed in place: this stays as it is.
    this.#inSnapshot = [...this.#byTransform].flatMap(([transform, cells]) =>
      [...cells.values()].map(({ metric: { kind, name }, value }) => ({ transform, kind, name, value })),
    )
    return this.#inSnapshot
  }

  /** The last snapshot is durable. */
  persisted(): void {
    this.#committed = new Map(this.#inSnapshot.map(record => [idOf(record), record.value]))
  }

  restore(records: ReadonlyArray<MetricRecord>): void {
    for (const { transform, kind, name, value } of records) {
      const cells = this.#byTransform.get(transform) ?? this.#begin(transform)
      const id = `${kind} ${name}`
      const known = cells.get(id)
      // Several tasks' records may come together.
      if (known !== undefined) known.value = mergeValues<MetricKind>(kind, known.value, value)
      else {
        cells.set(id, { metric: { kind, name }, value })
        this.#count++
      }
    }
    this.snapshot()
    this.persisted()
  }

  /** As a run tells them. */
  told(): ReadonlyArray<Metric> {
    return [...this.#byTransform].flatMap(([transform, cells]) =>
      [...cells.values()].map(({ metric: { kind, name }, value }) => {
        const committed = this.#committed.get(idOf({ transform, kind, name })) ?? null
        return { kind, transform, name, attempted: value, committed } as Metric // one id is one kind's
      }),
    )
  }
}

const idOf = ({ transform, kind, name }: Pick<MetricRecord, 'transform' | 'kind' | 'name'>): string =>
  JSON.stringify([transform, kind, name])
