// Why a run failed, as text for whoever started it: what, where, how to fix it, and of a stack only what is theirs.
import { fileURLToPath } from 'node:url'
import { isOwnFile } from '../../sdk/graph/own-files.ts'
import type { PipelineError } from '../../sdk/model/run.ts'

const mostFrames = 8

export const failureText = (pipelineName: string, error: PipelineError): string => {
  const text = `${pipelineName} failed: ${error.message}`
  return error._tag === 'UserCodeFailed' ? withFrames(text, error.cause) : text
}

/** For what is thrown while a pipeline is built: the user's own code, or what a transform says about its options. */
export const thrownText = (pipelineName: string, error: unknown): string =>
  error instanceof Error
    ? withFrames(`${pipelineName} failed: ${error.message}`, error)
    : `${pipelineName} failed: it threw ${String(error)}`

/** What no user can have caused. */
export const defectText = (error: unknown): string =>
  error instanceof Error
    ? `jetbeam failed in a way that it should not, and this is worth a report: ${error.message}\n${framesOf(error).slice(0, mostFrames).join('\n')}`
    : `jetbeam failed in a way that it should not, and this is worth a report: ${String(error)}`

const withFrames = (text: string, cause: unknown): string =>
  [text, ...(cause instanceof Error ? framesOf(cause).filter(isTheirs).slice(0, mostFrames) : [])].join('\n')

/** A longer line is none of V8's: a message may look like a frame. */
const longestFrame = 1_000

const framesOf = ({ stack = '' }: Error): ReadonlyArray<string> =>
  stack.split('\n').filter(line => line.length <= longestFrame && /^\s+at /.test(line))

const isTheirs = (frame: string): boolean =>
  !/node:|\(<anonymous>\)|node_modules[\\/](fp-ts|tsx|immutable)[\\/]|jetbeam[-:]stage/.test(frame) && !isOwnFile(pathIn(frame))

const pathIn = (frame: string): string => {
  const url = /file:\/\/[^\s)]+?(?=:\d+)/.exec(frame)?.[0]
  return url === undefined ? frame.slice(Math.max(0, frame.indexOf('/'))) : fileURLToPath(url)
}
