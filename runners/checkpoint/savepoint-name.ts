// How a savepoint may be called, and what is said when one cannot be had by its name: alike in every store.
import { CheckpointError } from './store.ts'

/** Refuses what could not be a folder's name on each platform, or would lead out of the folder. JavaScript may give anything. */
export const checkSavepointName = (name: unknown): void => {
  if (typeof name !== 'string')
    throw new CheckpointError(
      'InvalidName',
      `A savepoint's name is a string, and this is ${name === null ? 'null' : `of type ${typeof name}`}: give the name that the savepoint ` +
        "has, or is to have, such as job.savepoint('before') and job.rollback('before').",
    )
  if (/^[A-Za-z0-9]([A-Za-z0-9._-]{0,98}[A-Za-z0-9_-])?$/.test(name) && !isDevice(name)) return
  throw new CheckpointError(
    'InvalidName',
    `${JSON.stringify(name)} cannot name a savepoint: use 1 to 100 of the letters A-Z and a-z, digits, '.', '_' and '-', beginning with ` +
      "a letter or digit and not ending in a point; the names of Windows's devices, such as 'con', are taken.",
  )
}

/** `of` is where it was looked for, as `the job "x" in …`. */
export const noSuchSavepoint = (of: string, name: string, others: ReadonlyArray<string>): CheckpointError => {
  const there = others.length === 0 ? 'it has none at all' : `it has ${others.join(', ')}`
  return new CheckpointError('NoSuchSavepoint', `There is no savepoint ${JSON.stringify(name)} of ${of}: ${there}.`)
}

export const savepointExists = (of: string, name: string): CheckpointError =>
  new CheckpointError(
    'SavepointExists',
    `There is a savepoint ${JSON.stringify(name)} of ${of} already, and none is ever replaced: take another name, or remove it first.`,
  )

/** Names that Windows has no files of, with any ending. */
export const isDevice = (name: string): boolean => /^(con|prn|aux|nul|com\d|lpt\d)(\..*)?$/i.test(name)
