// What a script was told: --help and what it does not know are answered with its usage.
import { parseArgs, type ParseArgsConfig } from 'node:util'

export const scriptOptions = <const T extends ParseArgsConfig>(usage: string, config: T): ReturnType<typeof parseArgs<T>> => {
  if (process.argv.includes('--help')) {
    process.stdout.write(usage)
    process.exit(0)
  }
  try {
    return parseArgs(config)
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error), usage)
  }
}

export const refuse = (why: string, usage: string): never => {
  process.stderr.write(`${why}\n\n${usage}`)
  process.exit(2)
}
