// Random and damaged inputs to every door: `npm run test:fuzz -- --inputs 1000000 [--seed 1]`.
import { refuse, scriptOptions } from '../support/script-options.ts'
import { fuzz, fuzzLong } from './fuzz.ts'
import { doors } from './doors.ts'

const usage = `npm run test:fuzz -- [--inputs N] [--seed S]

--inputs N  how many inputs, over all doors (100000)
--seed S    another one gives other inputs (1)
`
const { values } = scriptOptions(usage, {
  options: { inputs: { type: 'string', default: '100000' }, seed: { type: 'string', default: '1' } },
})
const [inputs, seed] = [Number(values.inputs), Number(values.seed)]
if (!Number.isSafeInteger(inputs) || inputs < 1 || !Number.isSafeInteger(seed)) refuse('--inputs and --seed are whole numbers', usage)

const began = performance.now()
const { problems, ...figures } = fuzz(inputs, seed)
const slow = fuzzLong(20, seed, 200_000)
for (const problem of [...problems, ...slow]) console.log(`- ${problem}`)
const seconds = (performance.now() - began) / 1_000
console.log(
  `${doors.length} doors, ${figures.inputs} inputs of ${figures.bytes} bytes, ${figures.refused} refused by an error, in ${seconds.toFixed(1)} s; ` +
    `slowest ${figures.slowestMs.toFixed(1)} ms (${figures.slowest}), largest result ${figures.largestRatio.toFixed(1)} values a byte (${figures.largest})`,
)
const failed = problems.length + slow.length
console.log(`${figures.inputs - problems.length} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
