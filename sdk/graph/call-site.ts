// Where in the user's program something was made. Capturing a stack costs microseconds, writing it as text (through source maps,
// perhaps) many times that: so the text is made when an error message asks for it, which is almost never.
import { fileURLToPath } from 'node:url'
import { isOwnFile } from './own-files.ts'

/** Frames of the SDK, of fp-ts and of nested composites lie between a node and the program: deeper than this nobody looks. */
const deepest = 24

// `pipe` and `flow` stand between a program and each of its verbs.
const isBetween = (path: string): boolean =>
  isOwnFile(path) || /[\\/]fp-ts[\\/](lib|es6)[\\/]function\.js:/.test(path) || path.startsWith('node:')

/** Remembers the stack of now; the result gives `file:line:column` of the program's frame, or `(unknown)`. */
export const callSite = (): (() => string) => {
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = deepest
  const captured: { readonly stack?: string } = {}
  Error.captureStackTrace(captured, callSite)
  Error.stackTraceLimit = limit
  let place: string | null = null
  // The closure lets go of the frames once they are text.
  let frames: typeof captured | null = captured
  return () => {
    place ??= programFrame(frames?.stack ?? '')
    frames = null
    return place
  }
}

const programFrame = (stack: string): string => {
  for (const line of stack.split('\n')) {
    const path = pathIn(line)
    if (path !== null && !isBetween(path)) return path
  }
  return '(unknown)'
}

/** `    at name (file:///a/b.ts:1:2)` or `    at /a/b.ts:1:2`. */
const pathIn = (line: string): string | null => {
  const frame = /^\s+at (?:.*? \()?(?:async )?(.+?:\d+:\d+)\)?$/.exec(line)?.[1]
  if (frame === undefined) return null
  return frame.startsWith('file://') ? decoded(frame) : frame
}

const decoded = (frame: string): string => {
  const position = /(:\d+:\d+)$/.exec(frame)?.[1] ?? ''
  return fileURLToPath(frame.slice(0, frame.length - position.length)) + position
}
