// jetbeam/cli: what a module that defines a pipeline calls in its last line.
export { type MainOptions, main } from './main.ts'
