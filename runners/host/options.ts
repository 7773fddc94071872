// What a run can be told by whoever hosts it, with its defaults.
import type { Binding, LocalBinding } from '../../sdk/model/bindings.ts'
import type { RunOptions } from '../../sdk/model/run.ts'
import type { Bundling } from '../engine/cut.ts'
import type { Log, Logger } from './log.ts'

/** Options of a run in this process, on top of {@link RunOptions}. */
export interface HostOptions extends Omit<RunOptions, 'provide'> {
  /** What the pipeline refers to by name; connections that the program has opened itself among them. */
  readonly provide?: ReadonlyArray<Binding | LocalBinding> | undefined
  /** Checks that DoFns leave their input alone and that elements survive their coder, with random bundles. For tests: it is slow. */
  readonly strict?: boolean | undefined
  /** For what is drawn at random: bundle sizes in strict mode, jitter. */
  readonly seed?: number | undefined
  /**
   * How elements come together in bundles: `element`: one each. `all`: as many as there are. `key`: those of one key. `random`: drawn from
   * the seed, and the default in strict mode. Results must not depend on it; the split into panes of a trigger that counts may.
   */
  readonly bundling?: Bundling | undefined
  /** How many tasks share the keys of each grouping; 1 unless told. All run in this thread. */
  readonly tasks?: number | undefined
  /** Among how many threads its tasks are shared out; 1 unless told. */
  readonly threads?: number | undefined
  /**
   * Told what nobody waits for: a reconnect, a skipped gap, a failed checkpoint. A logger, such as pino's, or a function; unless given,
   * warnings and errors are lines of JSON on standard error.
   */
  readonly log?: Log | Logger | undefined
}
