// The text of --help.
import { spelling } from './command-line.ts'
import { kebab, type OptionsShape, type PipelineOption } from './pipeline-options.ts'
import { runOptionNames, runOptionSpecs } from './run-options.ts'

/** `program` is how the program was called. */
export const usage = (pipelineName: string, program: string, shape: OptionsShape): string =>
  [
    `Runs the pipeline ${pipelineName}.`,
    '',
    `usage: ${program} [options]`,
    '',
    ...optionLines(shape),
    'Options of the run:',
    ...columns(
      runOptionNames.map(name => [
        `--${spelling(name, shape)}${valueText(runOptionSpecs[name].value)}${name === 'help' ? ', -h' : ''}`,
        runOptionSpecs[name].text,
      ]),
    ),
    '',
    'Ctrl-C and SIGTERM suspend: a last checkpoint is taken, and the next start goes on from there. A second one stops at once.',
    'The process ends within --shutdown-timeout. If the last checkpoint is not finished by then, it says what it waited for.',
    'The exit code is 0 for an end or a suspension, 1 for a failure or a shutdown that timed out, 2 for a command line that is wrong.',
  ].join('\n')

const optionLines = ({ options, open }: OptionsShape): ReadonlyArray<string> => {
  if (options.length === 0 && !open) return []
  const others = open ? ['  The schema does not list all of its options: any --name VALUE is handed to it.'] : []
  return [
    'Options of the pipeline:',
    ...columns(options.map(option => [`--${kebab(option.name)}${valueText(valueOf(option))}`, about(option)])),
    ...others,
    '',
  ]
}

const valueText = (value: string | null): string => (value === null ? '' : ` ${value}`)

const valueOf = ({ type, choices }: PipelineOption): string | null => {
  if (type === 'boolean') return null
  if (choices.length > 0) return choices.join('|')
  return type === 'number' || type === 'integer' ? 'NUMBER' : type === 'object' ? 'JSON' : 'VALUE'
}

const about = ({ description, required, default: fallback, type }: PipelineOption): string => {
  const notes = [
    ...(required && fallback === null ? ['required'] : []),
    ...(fallback === null ? [] : [`${fallback} unless told`]),
    ...(type === 'array' ? ['may be given several times'] : []),
  ]
  return [description ?? '', notes.length === 0 ? '' : `(${notes.join('; ')})`].filter(part => part !== '').join(' ')
}

const columns = (rows: ReadonlyArray<readonly [left: string, right: string]>): ReadonlyArray<string> => {
  const width = Math.min(28, Math.max(0, ...rows.map(([left]) => left.length)))
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`.trimEnd())
}
