// apache-beam from npm, for comparison: 251 MB, so it is installed on demand, beside the project, and stays for the next time.
import { execFile } from 'node:child_process'
import { copyFile, mkdir, stat, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Timing } from './measure.ts'

const run = promisify(execFile)
const version = '2.49.0'

/** A contestant's run over `elements` integers, in a process of its own that times itself. */
export const apacheBeam = async (elements: number): Promise<() => Promise<Timing>> => {
  const folder = await installed()
  const script = join(folder, 'process.cjs')
  await copyFile(fileURLToPath(new URL('apache-beam-process.cjs', import.meta.url)), script)
  return async () => {
    const { stdout } = await run(process.execPath, [script, String(elements)], { cwd: folder, maxBuffer: 64 * 1_024 * 1_024 })
    const { ms, total } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '{}') as { readonly ms?: number; readonly total?: number }
    if (ms === undefined || total === undefined || total <= 0) throw new Error(`apache-beam gave no result: ${stdout.slice(-500)}`)
    return { ms, cpuMs: null }
  }
}

const installed = async (): Promise<string> => {
  const cache = process.env['JETBEAM_CACHE'] ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'jetbeam')
  const folder = join(cache, 'bench', `apache-beam-${version}`)
  if (await exists(join(folder, 'node_modules', 'apache-beam', 'package.json'))) return folder
  process.stderr.write(`installing apache-beam ${version} for comparison (251 MB, once)\n`)
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true }))
  await run('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', `apache-beam@${version}`], { cwd: folder })
  return folder
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  )
