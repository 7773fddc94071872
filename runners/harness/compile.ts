// Compiles a stage's chain into one function over a batch, so that an element costs its user calls and little else: V8 then sees each
// user function at one call site of its own. (Measured beside closures, columns and wrappers: closures cost 1.6 times as much,
// wrapper objects 2 to 5 times.) The text is made of our own templates alone; users' functions come in as constants.
import type { WindowingStrategy } from '../../sdk/model/windowing-strategy.ts'
import type { Exit, Stage, Step, Target } from '../plan/stage.ts'
import type { Batch } from './batch.ts'
import { CodeWriter } from './code-writer.ts'
import { type Element, pair, pairOf, whole, wholeOf } from './element.ts'
import type { StageHooks } from './stage-hooks.ts'
import { writeStep } from './step-text.ts'

export interface CompiledStage {
  readonly run: (batch: Batch) => void
  /** Ends the bundle of every DoFn that has begun one. */
  readonly finishBundle: () => void
  /** The step whose function runs now, or ran last: -1 for the head, below it an exit. */
  readonly at: () => number
}

// A chain longer than this goes on in a function of its own: V8 leaves very long functions unoptimized.
const longestRun = 40

export const compileStage = (stage: Stage, hooks: StageHooks): CompiledStage => new StageCompiler(stage, hooks).compile()

export const isGlobal = (strategy: WindowingStrategy): boolean => strategy.windowFn.kind._tag === 'Global'

export class StageCompiler {
  readonly stage: Stage
  readonly hooks: StageHooks
  readonly out = new CodeWriter()
  /** Declarations that live from batch to batch. */
  readonly state: string[] = ['let step = 0, el = undefined, pos = 0']
  /** By step: calls that end a bundle. An earlier step's may begin or feed a later one's, so they end in the steps' order. */
  readonly finish = new Map<number, string>()
  readonly #functions = new Map<string, string>()
  /** Functions that are called already: each is written after what calls it, or a long chain would be a deep recursion here. */
  readonly #unwritten: (() => void)[] = []

  constructor(stage: Stage, hooks: StageHooks) {
    this.stage = stage
    this.hooks = hooks
  }

  compile(): CompiledStage {
    const { out, hooks, stage } = this
    const ordinals = stage.exits.flatMap((exit, i) => (exit._tag === 'Sink' && exit.mode === 'immediate' ? [`ord${i}`] : []))
    if (ordinals.length > 0) this.state.push(`let ${ordinals.map(name => `${name} = 0`).join(', ')}`)
    if (this.#inherits) this.state.push('let src = undefined')
    const loop = out.section(() => {
      if (ordinals.length > 0) out.line(`pos = positions[i]; ${ordinals.map(name => `${name} = 0`).join('; ')}`)
      this.targets(stage.targets, this.#head(), 0)
    })
    for (let write = this.#unwritten.pop(); write !== undefined; write = this.#unwritten.pop()) write()
    const fail = out.constant(hooks.fail)
    const caught = (position: string): string => `catch (error) { ${fail}(error, step, el, ${position}) }`
    const run = `const run = ({ keys, values, timestamps, windows, panes, positions }) => {
const n = values.length
let i = 0
try { for (; i < n; i++) {
${loop}
} } ${caught('positions === null ? null : positions[i]')} }`
    const finishBundle = `const finishBundle = () => { try {\n${this.#finishing().join('\n')}\n} ${caught('null')} }`
    const constants = `const [${out.constants.map((_, i) => `c${i}`).join(', ')}] = constants`
    const url = `//# sourceURL=jetbeam-stage/${stage.id.replaceAll(/[^\w#./()-]/g, '_')}.js`
    const text = [
      "'use strict'",
      constants,
      ...this.state,
      ...this.#functions.values(),
      run,
      finishBundle,
      'return { run, finishBundle, at: () => step }',
      url,
    ].join('\n')
    // The one place where text becomes code.
    const make = new Function('constants', text) as (constants: ReadonlyArray<unknown>) => CompiledStage
    return make(out.constants)
  }

  /** Whether a sink here asks for the record that an output comes from. */
  get #inherits(): boolean {
    const { head, exits } = this.stage
    return head._tag === 'Source' && head.read !== null && exits.some(exit => exit._tag === 'Sink' && exit.sink.inherit !== undefined)
  }

  #finishing(): ReadonlyArray<string> {
    const ends = [...this.finish].sort(([a], [b]) => a - b).map(([, text]) => text)
    // What ends a bundle comes from all of its records.
    return this.#inherits ? ['src = undefined', ...ends] : ends
  }

  #head(): Element {
    const { out, hooks, stage } = this
    const { head, strategy } = stage
    const none = out.constant(hooks.noPane)
    const windows = isGlobal(strategy) ? null : 'w'
    if (windows !== null) out.line('const w = windows[i]')
    switch (head._tag) {
      case 'Source': {
        if (head.read === null) {
          out.line('const v = values[i]')
          return { value: whole('v'), timestamp: String(hooks.minTimestamp), windows, pane: none }
        }
        if (this.#inherits) out.line('src = values[i]')
        out.line(`const m = values[i]; step = -1; el = m; const v = ${out.constant(head.read.decode)}(m); el = v`)
        out.line(`const t = ${out.constant(head.read.timestamp)}(v, m)`)
        out.line(`if (!Number.isSafeInteger(t)) ${out.constant(hooks.requireTimestamp)}(t)`)
        const progress = out.constant(hooks.progress)
        const { movesWatermark } = head.read
        const moves = movesWatermark === null ? '' : ` && ${out.constant(movesWatermark)}(v)`
        out.line(`if (t > ${progress}.maxTimestamp${moves}) ${progress}.maxTimestamp = t`)
        return { value: whole('v'), timestamp: 't', windows, pane: none }
      }
      case 'Group':
        out.line('const k = keys[i], v = values[i], t = timestamps[i], p = panes[i]')
        return { value: pair('k', 'v'), timestamp: 't', windows, pane: 'p' }
      case 'Sided':
        out.line(`const k = keys[i], v = values[i], t = timestamps[i], p = panes === null ? ${none} : panes[i]`)
        return { value: pair('k', 'v'), timestamp: 't', windows, pane: 'p' }
      case 'Async':
      case 'Stateful':
      case 'Splittable':
      case 'Reshuffle':
        out.line(`const v = values[i], t = timestamps[i], p = panes === null ? ${none} : panes[i]`)
        return { value: whole('v'), timestamp: 't', windows, pane: 'p' }
    }
  }

  /** Hands the element on to each target; a step that several paths reach is called as a function. */
  targets(targets: ReadonlyArray<Target>, element: Element, depth: number): void {
    for (const target of targets) {
      if (target._tag === 'Exit') this.#exit(target.exit, element)
      else {
        const step = this.stage.steps[target.step]
        if (step === undefined) throw new Error(`compile: stage ${this.stage.id} has no step ${target.step}`)
        if (step.entries > 1 || depth >= longestRun) this.#call(target.step, step, element)
        else this.out.block('', () => writeStep(this, target.step, step, element, depth + 1))
      }
    }
  }

  #call(at: number, step: Step, element: Element): void {
    const name = this.asFunction(`step${at}`, step.strategy, inner => writeStep(this, at, step, inner, 1))
    this.out.line(this.callText(name, element))
  }

  /** A function over one element, written the first time that it is asked for. */
  asFunction(name: string, strategy: WindowingStrategy, body: (element: Element) => void): string {
    if (this.#functions.has(name)) return name
    this.#functions.set(name, '')
    this.#unwritten.push(() => {
      const text = this.out.section(() => body({ value: whole('v'), timestamp: 't', windows: isGlobal(strategy) ? null : 'w', pane: 'p' }))
      this.#functions.set(name, `function ${name}(v, t, w, p) {\n${text}\n}`)
    })
    return name
  }

  callText(name: string, element: Element): string {
    return `${name}(${wholeOf(this.out, element.value)}, ${element.timestamp}, ${element.windows}, ${element.pane})`
  }

  /** Once a window: `body` gets the window's name and that of an array with it alone. */
  eachWindow(element: Element, body: (window: string, alone: string | null) => void): void {
    const { out } = this
    const { windows } = element
    if (windows === null) return body(out.constant(this.hooks.globalWindow), null)
    const [index, window, alone] = [out.fresh('j'), out.fresh('x'), out.fresh('w')]
    out.block(`for (let ${index} = 0; ${index} < ${windows}.length; ${index}++)`, () => {
      out.line(`const ${window} = ${windows}[${index}], ${alone} = ${windows}.length === 1 ? ${windows} : [${window}]`)
      body(window, alone)
    })
  }

  #exit(at: number, element: Element): void {
    const exit = this.stage.exits[at]
    if (exit === undefined) throw new Error(`compile: stage ${this.stage.id} has no exit ${at}`)
    this.out.block('', () => this.#exitTo(at, exit, element))
  }

  #exitTo(at: number, exit: Exit, element: Element): void {
    const { out, hooks } = this
    const { timestamp, windows, pane } = element
    // Exits are steps below -1: what fails here is an exit's own function.
    const enter = (value: string): void => out.line(`step = ${-2 - at}; el = ${value}`)
    switch (exit._tag) {
      case 'Shuffle': {
        // Most chains make their pairs themselves; others are believed by their types alone, which a JavaScript program does not have.
        if (element.value._tag === 'Whole') {
          const { name } = element.value
          enter(name)
          out.line(`if (!Array.isArray(${name}) || ${name}.length !== 2) ${out.constant(hooks.refuseUnkeyed)}(${name})`)
        }
        const { key, value } = pairOf(out, element.value)
        const [k, v] = [hooks.survive(out, key), hooks.survive(out, value)]
        const { table } = hooks.exits[at] ?? {}
        if (table === undefined || table === null)
          return this.#push(at, { keys: k, values: v, timestamps: timestamp, windows, panes: exit.panes ? pane : null })
        enter(v)
        return table.write(out, k, v, timestamp, windows)
      }
      case 'Forward':
        return this.#push(at, {
          keys: null,
          values: hooks.survive(out, wholeOf(out, element.value)),
          timestamps: timestamp,
          windows,
          panes: pane,
        })
      case 'Side':
        return this.#push(at, {
          keys: null,
          values: hooks.survive(out, wholeOf(out, element.value)),
          timestamps: timestamp,
          windows,
          panes: null,
        })
      case 'Sink': {
        const value = wholeOf(out, element.value)
        const outputs = `${out.constant(hooks.exits[at])}.outputs`
        enter(value)
        const { encode, inherit } = exit.sink
        const inherits = this.#inherits && inherit !== undefined
        if (inherits) out.line(`const from = ${outputs}.headers.length`)
        out.line(`${out.constant(encode)}(${value}, ${outputs})`)
        if (inherits) out.line(`${out.constant(inherit)}(src, ${outputs}, from)`)
        if (exit.mode === 'immediate') out.line(`${outputs}.positions.push(pos); ${outputs}.ordinals.push(ord${at}++)`)
        return
      }
      case 'Assert': {
        const value = wholeOf(out, element.value)
        return this.eachWindow(element, window =>
          out.line(
            `${out.constant(hooks.exits[at])}.gathered.push({ value: ${value}, timestamp: ${timestamp}, window: ${window}, pane: ${pane} })`,
          ),
        )
      }
    }
  }

  #push(at: number, columns: Readonly<Record<'keys' | 'values' | 'timestamps' | 'windows' | 'panes', string | null>>): void {
    const batch = `${this.out.constant(this.hooks.exits[at])}.batch`
    for (const [column, name] of Object.entries(columns)) if (name !== null) this.out.line(`${batch}.${column}.push(${name})`)
  }
}
