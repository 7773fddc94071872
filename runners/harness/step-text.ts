// The text of each element-wise transform: what one element costs on its way through a stage.
import type { UserFunction } from '../../sdk/graph/node.ts'
import type { WindowingStrategy } from '../../sdk/model/windowing-strategy.ts'
import type { Step } from '../plan/stage.ts'
import type { StageCompiler } from './compile.ts'
import { type Element, pair, pairOf, whole, wholeOf } from './element.ts'
import { mayBeInSeveral, mayLeaveOut } from './window-assignment.ts'

/** Writes step number `at` for `element`, and what follows it. */
export const writeStep = (compiler: StageCompiler, at: number, step: Step, element: Element, depth: number): void => {
  const { out, hooks } = compiler
  const { transform } = step
  const next = (e: Element, tag = 'out'): void => compiler.targets(step.targets[tag] ?? [], e, depth)
  const enter = (input: string): void => out.line(`step = ${at}; el = ${input}`)
  const user = (f: UserFunction): string => out.constant(hooks.userFunction(f, step.path))
  /** Calls `f`; a result that is a promise would flow on as a value, so it is refused. */
  const call = (f: UserFunction, input: string, prefix: string, more = ''): string => {
    const result = out.fresh(prefix)
    enter(input)
    out.line(`const ${result} = ${user(f)}(${input}${more})`)
    out.line(
      `if (typeof ${result} === 'object' && ${result} !== null && typeof ${result}.then === 'function') ${out.constant(hooks.refusePromise)}(${result})`,
    )
    return result
  }
  /** Goes on with each item of what `many`, which the function gave for `input`, names: an array at once, another iterable by parts. */
  const eachOf = (many: string, input: string): void => {
    const [parts, array, item, index, room] = [out.fresh('p'), out.fresh('a'), out.fresh('v'), out.fresh('j'), out.constant(hooks.room)]
    out.line(`const ${parts} = Array.isArray(${many}) ? null : ${out.constant(hooks.partsOf)}(${many})`)
    out.line(`let ${array} = ${parts} === null ? ${many} : ${parts}()`)
    // A generator's own code runs on between two parts: what it throws and counts is this step's.
    const more = `(step = ${at}, el = ${input}, ${array} = ${parts}(), ${index} = 0, ${array}.length > 0)`
    return out.block(`for (let ${index} = 0; ${index} < ${array}.length || (${parts} !== null && ${more}); ${index}++)`, () => {
      out.line(`const ${item} = ${array}[${index}]`)
      next({ ...element, value: whole(item) })
      out.line(`if (--${room}.left <= 0) ${room}.look()`)
    })
  }
  /** Calls `f` with an element and its side inputs, which lie in the key's place. */
  const callWith = (f: UserFunction, prefix: string): string => {
    const { key: sides, value } = pairOf(out, element.value)
    return call(f, value, prefix, `, ${sides}`)
  }
  switch (transform._tag) {
    case 'Map':
      return next({ ...element, value: whole(call(transform.f, wholeOf(out, element.value), 'v')) })
    case 'KeyBy': {
      const value = wholeOf(out, element.value)
      return next({ ...element, value: pair(call(transform.f, value, 'k'), value) })
    }
    case 'MapValues': {
      const { key, value } = pairOf(out, element.value)
      return next({ ...element, value: pair(key, call(transform.f, value, 'v')) })
    }
    case 'MapKeys': {
      const { key, value } = pairOf(out, element.value)
      return next({ ...element, value: pair(call(transform.f, key, 'k'), value) })
    }
    case 'Keys':
      return next({ ...element, value: whole(pairOf(out, element.value).key) })
    case 'Values':
      return next({ ...element, value: whole(pairOf(out, element.value).value) })
    case 'Filter': {
      const input = wholeOf(out, element.value)
      return out.block(`if (${call(transform.f, input, 'b')})`, () =>
        next({ ...element, value: element.value._tag === 'Pair' ? element.value : whole(input) }),
      )
    }
    case 'FilterMap': {
      const option = call(transform.f, wholeOf(out, element.value), 'o')
      out.block(`if (${option}?._tag === 'Some')`, () => {
        const value = out.fresh('v')
        out.line(`const ${value} = ${option}.value`)
        next({ ...element, value: whole(value) })
      })
      // Without it a value that is no Option would be dropped as a None is.
      return out.line(`else if (${option}?._tag !== 'None') ${out.constant(hooks.refuseNoOption)}(${option})`)
    }
    case 'FlatMap': {
      const input = wholeOf(out, element.value)
      return eachOf(call(transform.f, input, 'a'), input)
    }
    case 'TryMap': {
      const [input, result] = [wholeOf(out, element.value), out.fresh('v')]
      enter(input)
      out.line(`const ${result} = ${out.constant(hooks.tryCall)}(${user(transform.f)}, ${input}, ${JSON.stringify(step.path)})`)
      return next({ ...element, value: whole(result) })
    }
    case 'Separate': {
      const either = wholeOf(out, element.value)
      const side = (tag: 'left' | 'right'): void => {
        const value = out.fresh('v')
        out.line(`const ${value} = ${either}.${tag}`)
        next({ ...element, value: whole(value) }, tag)
      }
      out.block(`if (${either}._tag === 'Left')`, () => side('left'))
      return out.block('else', () => side('right'))
    }
    case 'OrFail': {
      const [either, value] = [wholeOf(out, element.value), out.fresh('v')]
      enter(either)
      out.line(`if (${either}._tag === 'Left') ${out.constant(hooks.failLeft)}(${either}.left)`)
      out.line(`const ${value} = ${either}.right`)
      return next({ ...element, value: whole(value) })
    }
    case 'Partition': {
      const input = wholeOf(out, element.value)
      const name = call(transform.f, input, 'n')
      out.block(`switch (${name})`, () => {
        for (const tag of transform.names)
          out.block(`case ${JSON.stringify(tag)}:`, () => (next({ ...element, value: whole(input) }, tag), out.line('break')))
        out.line(`default: ${out.constant(hooks.refuseName)}(${name}, ${out.constant(transform.names)})`)
      })
      return
    }
    case 'WithTimestamps': {
      const input = wholeOf(out, element.value)
      const t = call(transform.f, input, 't')
      out.line(`${out.constant(hooks.checkSkew)}(${t}, ${element.timestamp}, ${transform.allowedSkewMs})`)
      return next({ ...element, value: whole(input), timestamp: t })
    }
    case 'WindowInto':
      // As in Beam, an element in three windows is three elements, and the new function assigns each of them.
      return mayBeInSeveral(step.strategy.windowFn.kind)
        ? compiler.eachWindow(element, (_, alone) => assignWindows(compiler, at, transform.strategy, { ...element, windows: alone }, next))
        : assignWindows(compiler, at, transform.strategy, element, next)
    case 'ReifyWindowed': {
      const parts = transform.of === 'value' ? pairOf(out, element.value) : { key: null, value: wholeOf(out, element.value) }
      return compiler.eachWindow(element, (window, alone) => {
        const value = out.fresh('v')
        out.line(`const ${value} = { value: ${parts.value}, timestamp: ${element.timestamp}, window: ${window}, pane: ${element.pane} }`)
        next({ ...element, value: parts.key === null ? whole(value) : pair(parts.key, value), windows: alone })
      })
    }
    case 'MapWith':
      return next({ ...element, value: whole(callWith(transform.f, 'v')) })
    case 'FlatMapWith':
      return eachOf(callWith(transform.f, 'a'), pairOf(out, element.value).value)
    case 'WithoutSides':
      return next({ ...element, value: whole(pairOf(out, element.value).value) })
    case 'Bundled': {
      const bundle = out.constant(hooks.bundle(at))
      // finishBundle emits as well, so what follows is a function that both call.
      const after = compiler.asFunction(`after${at}`, step.strategy, e => compiler.targets(step.targets['out'] ?? [], e, 1))
      compiler.finish.set(at, `step = ${at}; el = undefined; ${bundle}.finish(${after})`)
      const { key: sides, value: input } = transform.sided
        ? pairOf(out, element.value)
        : { key: 'undefined', value: wholeOf(out, element.value) }
      return compiler.eachWindow(element, (window, alone) => {
        enter(input)
        out.line(`${bundle}.process(${input}, ${element.timestamp}, ${window}, ${alone}, ${element.pane}, ${sides}, ${after})`)
      })
    }
    case 'Flatten':
    case 'Along':
    case 'WithCoder':
    case 'WithStrategy':
      return next(element)
  }
}

const assignWindows = (
  compiler: StageCompiler,
  at: number,
  strategy: WindowingStrategy,
  element: Element,
  next: (element: Element) => void,
): void => {
  const { out, hooks } = compiler
  const { kind } = strategy.windowFn
  if (kind._tag === 'Global') return next({ ...element, windows: null })
  const windows = out.fresh('w')
  if (kind._tag !== 'Fixed' && kind._tag !== 'Calendar') {
    const value = wholeOf(out, element.value)
    out.line(
      `step = ${at}; el = ${value}; const ${windows} = ${out.constant(hooks.windowsOf(strategy.windowFn))}(${value}, ${element.timestamp})`,
    )
    const assigned: Element = { ...element, value: element.value._tag === 'Pair' ? element.value : whole(value), windows }
    return mayLeaveOut(kind) ? out.block(`if (${windows}.length > 0)`, () => next(assigned)) : next(assigned)
  }
  // Most elements lie in the window of the one before.
  const last = out.fresh('last')
  compiler.state.push(`let ${last} = null, ${last}From = 1, ${last}To = 0`)
  out.block(`if (!(${element.timestamp} >= ${last}From && ${element.timestamp} < ${last}To))`, () => {
    out.line(
      `${last} = ${out.constant(hooks.windowsOf(strategy.windowFn))}(undefined, ${element.timestamp}); ${last}From = ${last}[0].start; ${last}To = ${last}[0].end`,
    )
  })
  out.line(`const ${windows} = ${last}`)
  return next({ ...element, windows })
}
