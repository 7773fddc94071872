// What only a program without types can do: a function that is none, an option that nobody reads. Refused where it is written, once for
// all verbs, since what it would do otherwise shows up far away or nowhere.
import { showGiven } from '../model/show-given.ts'
import { currentScope } from './building.ts'
import { callSite } from './call-site.ts'
import { InvalidPipelineError } from './invalid-pipeline.ts'

/** Throws an InvalidPipelineError that names the transform with the names around it, and where it was made. */
export const refuseUse = (kind: string, problem: string): never => {
  throw new InvalidPipelineError(null, [`${[...currentScope(), kind].join('/')} (made at ${callSite()()}) ${problem}`])
}

export const requireFunction = (kind: string, f: unknown, takes = 'a function'): void => {
  if (typeof f !== 'function') refuseUse(kind, `takes ${takes}, and was given ${showGiven(f)}. Give it ${takes}`)
}

/** Throws for an option that is not among `known`: it would be taken for one that was left out. */
export const requireKnown = (kind: string, options: unknown, known: ReadonlyArray<string>): void => {
  if (options === undefined) return
  if (typeof options !== 'object' || options === null)
    return refuseUse(kind, `takes options by name, and was given ${showGiven(options)}. Give it { ${known.join(', ')} }, or leave them out`)
  for (const name of Object.keys(options))
    if (!known.includes(name)) refuseUse(kind, `has no option ${name}. Its options are ${known.join(', ')}`)
}

export const requireChoice = (kind: string, option: string, value: unknown, choices: ReadonlyArray<string>): void => {
  if (value === undefined || choices.some(choice => choice === value)) return
  refuseUse(kind, `has ${showGiven(value)} for ${option}. Use ${choices.map(choice => `'${choice}'`).join(' or ')}`)
}
