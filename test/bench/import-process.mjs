// A process that imports packages and prints how long that took: import-process.mjs SPECIFIER...
const specifiers = process.argv.slice(2)
const before = process.cpuUsage()
const beganMs = performance.now()
for (const specifier of specifiers) await import(specifier)
const ms = performance.now() - beganMs
const { user, system } = process.cpuUsage(before)
process.stdout.write(JSON.stringify({ ms, cpuMs: (user + system) / 1_000 }))
