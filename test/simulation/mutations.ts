// Bugs put back one at a time, each as a patch: the simulator sees what its seeds are for only if one of them fails with the patch.
import { spawn, spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const patches = fileURLToPath(new URL('mutations', import.meta.url))
const copied = ['sdk', 'io', 'runners', 'test/simulation', 'test/support', 'package.json', 'tsconfig.json']

/** The tree as it is, with the patch; `work` gets its path. */
const withPatch = async <A>(patch: string, work: (tree: string) => Promise<A>): Promise<A> => {
  const tree = mkdtempSync(join(tmpdir(), 'jetbeam-mutation-'))
  try {
    for (const path of copied) cpSync(join(root, path), join(tree, path), { recursive: true })
    symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'))
    const { status, stderr } = spawnSync('git', ['apply', join(patches, patch)], { cwd: tree, encoding: 'utf8' })
    if (status !== 0) throw new Error(`${patch} does not apply to this tree: ${stderr}. Write it again for the code as it is now`)
    return await work(tree)
  } finally {
    rmSync(tree, { recursive: true, force: true })
  }
}

/** What the simulator writes, to its first seed that fails. */
const firstFailure = (tree: string, from: number, seeds: number): Promise<string> =>
  new Promise((resolve, reject) => {
    const options = ['--from', String(from), '--seeds', String(seeds), '--first']
    const child = spawn(process.execPath, [...process.execArgv, 'test/simulation/main.ts', ...options], {
      cwd: tree,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let text = ''
    child.stdout.setEncoding('utf8').on('data', (more: string) => (text += more))
    child.on('error', reject)
    child.on('close', code => {
      if (/\d+ passed, \d+ failed\s*$/.test(text)) resolve(text)
      else reject(new Error(`the simulator in ${tree} ended with ${code}, and did not say how many have passed`))
    })
  })

interface Search {
  readonly seeds: number
  readonly from: number
  /** Part of the names of patches to try. */
  readonly only: string
  /** How many are tried at a time. */
  readonly workers: number
}

/** Returns whether each mutation was found, and prints the seed and its first problem. */
export const tryMutations = async ({ seeds, from, only, workers }: Search): Promise<boolean> => {
  const left = readdirSync(patches).filter(name => name.endsWith('.patch') && name.includes(only))
  let all = true
  const one = async (): Promise<void> => {
    for (let patch = left.shift(); patch !== undefined; patch = left.shift()) {
      const name = patch.replace(/\.patch$/, '')
      const said = await withPatch(patch, tree => firstFailure(tree, from, seeds))
      const seed = /^seed (\d+) failed/m.exec(said)?.[1]
      const problem = /^ {2}- (.*)$/m.exec(said)?.[1] ?? ''
      if (seed === undefined) all = false
      console.log(seed === undefined ? `${name}: not found within ${seeds} seeds` : `${name}: found by seed ${seed}: ${problem}`)
    }
  }
  await Promise.all(Array.from({ length: workers }, one))
  return all
}
