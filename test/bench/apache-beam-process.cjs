// Run by the benchmark in a folder where apache-beam is installed: the same work as the row's other contestants, on its direct runner.
// The elements come out of a flatMap, because its create costs far more than its pipeline. It serializes functions to text, so they
// can reach globals only.
const beam = require('apache-beam')
const { directRunner } = require('apache-beam/runners/direct_runner')

const count = Number(process.argv[2])
globalThis.total = 0
const sum = {
  createAccumulator: () => 0,
  addInput: (a, b) => a + b,
  mergeAccumulators: as => [...as].reduce((a, b) => a + b, 0),
  extractOutput: a => a,
}
const pipeline = root =>
  root
    .apply(beam.create([count]))
    .flatMap(function* (n) {
      for (let i = 0; i < n; i++) yield i
    })
    .map(n => n * 2)
    .flatMap(function* (n) {
      if (n % 3 !== 0) yield n
    })
    .apply(beam.groupBy(n => n % 1000).combining(n => n, sum, 'sum'))
    .map(row => {
      globalThis.total += row.sum
    })

const main = async () => {
  const began = performance.now()
  await directRunner().run(pipeline)
  const ms = performance.now() - began
  process.stdout.write(`\n${JSON.stringify({ ms, total: globalThis.total })}\n`)
  process.exit(0)
}
main().catch(error => {
  process.stderr.write(`${error.stack}\n`)
  process.exit(1)
})
