// One process at a time, with real processes: started together, killed, stopped and woken up again.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import fs, { copyFile, readFile, readdir, writeFile } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { assert } from 'chai'
import { CheckpointError, directoryStore, type CheckpointSession } from '../../../runners/checkpoint/index.ts'
import { monotonicMs } from '../../../runners/checkpoint/confirmation.ts'
import { exists } from '../../../runners/checkpoint/durable-file.ts'
import { seal, unseal, fieldsOf } from '../../../runners/checkpoint/sealed-text.ts'
import { type Answer, type Driven, checkpointProcesses } from './process-driver.ts'
import { refuses } from './refusal.ts'
import { bytesOf, temporaryFolders } from './temporary-folder.ts'
import { skip } from '../../support/skip.ts'
import { until } from '../../support/until.ts'

const expiryMs = 600

/** Opens as soon as nobody else holds the lease. */
const openWhenFree = async (path: string, leaseExpiryMs = 15_000): Promise<CheckpointSession> => {
  for (;;) {
    try {
      return await directoryStore({ path, leaseExpiryMs }).open('job')
    } catch (error) {
      if (!(error instanceof CheckpointError) || error.kind !== 'LeaseHeld') throw error
      await sleep(50)
    }
  }
}

/** Rewrites the latest claim as if somebody else had made it. */
const claimAs = async (
  path: string,
  change: (holder: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>>,
): Promise<void> => {
  const lease = join(path, 'job', 'lease')
  const name =
    (await readdir(lease))
      .filter(n => n.endsWith('.claim.json'))
      .sort()
      .at(-1) ?? assert.fail('there is no claim')
  const sealed = unseal(1, await readFile(join(lease, name), 'utf8'))
  if (sealed._tag === 'Left') return assert.fail(sealed.left)
  const claim = fieldsOf(sealed.right)
  await writeFile(join(lease, name), seal(1, { ...claim, holder: change(fieldsOf(claim['holder'])) }))
}

/** The next call of `link` or `writeFile` for such a path waits until it is let go; resolves once it has begun. */
const holdUp = (verb: 'link' | 'writeFile', ending: string): { readonly reached: Promise<void>; readonly letGo: () => void } => {
  const original = fs[verb] as (...args: ReadonlyArray<unknown>) => Promise<void>
  let letGo: () => void = () => undefined
  const gate = new Promise<void>(resolve => (letGo = resolve))
  const reached = new Promise<void>(resolve => {
    const waiting = async (...args: ReadonlyArray<unknown>): Promise<void> => {
      if (args.slice(0, 2).some(path => typeof path === 'string' && path.endsWith(ending))) {
        Object.assign(fs, { [verb]: original })
        syncBuiltinESMExports()
        resolve()
        await gate
      }
      return original(...args)
    }
    Object.assign(fs, { [verb]: waiting })
  })
  syncBuiltinESMExports()
  return { reached, letGo }
}

describe('The lease of a job', function () {
  this.timeout(180_000)
  const folder = temporaryFolders()
  const start = checkpointProcesses()

  it('is refused while another process has it, and the message names that process', async () => {
    const path = await folder()
    const child = await start(path, 'job')
    assert.strictEqual((await child.ask('open'))['generation'], 1)
    await refuses(
      'LeaseHeld',
      directoryStore({ path }).open('job'),
      `Process ${child.pid} on host ${hostname()}`,
      'Stop that process',
      '000001.released',
    )
    await child.ask('release')
    const session = await directoryStore({ path }).open('job')
    assert.strictEqual(session.generation, 2)
    await session.release()
  })

  it('is free at once when its process was killed on this host', async () => {
    const path = await folder()
    const child = await start(path, 'job')
    await child.ask('open')
    await child.ask('commit')
    await child.kill()
    const session = await directoryStore({ path }).open('job')
    assert.deepStrictEqual([session.generation, session.latest?.epoch], [2, 0])
    await session.release()
  })

  it('is free at once when its process has ended and nobody has waited for it', async function () {
    if (process.platform !== 'linux') skip(this, 'only Linux tells when a process was started')
    const path = await folder()
    // A shell that does not wait for the process it started: what is left of it is a zombie.
    const shell = spawn('sh', ['-c', 'sleep 0.3 & echo $!; exec sleep 60'], { stdio: ['ignore', 'pipe', 'inherit'] })
    try {
      const [line] = (await once(shell.stdout, 'data')) as [Buffer]
      const pid = Number(line.toString())
      while (!(await readFile(`/proc/${pid}/stat`, 'utf8')).includes(') Z ')) await sleep(5)
      const session = await directoryStore({ path }).open('job')
      await claimAs(path, holder => ({ ...holder, pid, token: 'another', started: null }))
      const next = await directoryStore({ path }).open('job')
      assert.strictEqual(next.generation, 2)
      await next.release()
      await session.release()
    } finally {
      shell.kill('SIGKILL')
    }
  })

  it('is free at once when its process id belongs to a process that was started later', async function () {
    if (process.platform !== 'linux') skip(this, 'only Linux tells when a process was started')
    const path = await folder()
    const child = await start(path, 'job')
    const session = await directoryStore({ path }).open('job')
    await claimAs(path, holder => ({ ...holder, pid: child.pid, token: 'another' }))
    const next = await directoryStore({ path }).open('job')
    assert.strictEqual(next.generation, 2)
    await refuses('LeaseLost', session.commit(0, [], null), 'took over')
    await next.release()
    await session.release()
  })

  it('is named lost, and nothing damaged, where its successor has removed the segment that is read', async function () {
    if (process.platform !== 'linux') skip(this, 'only Linux tells when a process was started')
    const path = await folder()
    const child = await start(path, 'job')
    const session = await directoryStore({ path }).open('job')
    const segment = await session.writeSegment([bytesOf('mine')])
    await session.commit(0, [segment], null)
    await claimAs(path, holder => ({ ...holder, pid: child.pid, token: 'another' }))
    const next = await directoryStore({ path, keep: 1 }).open('job')
    await next.commit(1, [], null)
    const file = join(path, 'job', 'segments', segment.name)
    await until('the segment is removed', async () => !(await exists(file)))
    await refuses('LeaseLost', session.readSegment(segment), 'took over')
    await next.release()
    await session.release()
  })

  for (const [place, change] of Object.entries({
    host: { host: 'elsewhere' },
    container: { pidNamespace: 'pid:[1]' },
    boot: { boot: 'another' },
  }))
    it(`of another ${place} is free when nothing was heard of it for its expiry, and not before`, async () => {
      const path = await folder()
      const child = await start(path, 'job', expiryMs)
      await child.ask('open')
      await claimAs(path, holder => ({ ...holder, ...change }))
      await sleep(2 * expiryMs)
      // It renews.
      await refuses('LeaseHeld', directoryStore({ path }).open('job'), 'try again in')
      await child.kill()
      await refuses('LeaseHeld', directoryStore({ path }).open('job'))
      const session = await openWhenFree(path)
      assert.strictEqual(session.generation, 2)
      await session.release()
    })

  it('is free when an operator says so, and its holder finds it lost', async () => {
    const path = await folder()
    const child = await start(path, 'job')
    await child.ask('open')
    const { message } = await refuses('LeaseHeld', directoryStore({ path }).open('job'))
    const file = /create the file (.*)\.$/.exec(message)?.[1] ?? assert.fail(message)
    await writeFile(file, '')
    const session = await directoryStore({ path }).open('job')
    assert.strictEqual((await child.ask('commit'))['refused'], 'LeaseLost')
    assert.strictEqual((await child.ask('lost'))['lost'], true)
    await session.release()
  })

  it('is not taken from a claim that cannot be read, until that is old', async () => {
    const path = await folder()
    const session = await directoryStore({ path }).open('job')
    await writeFile(join(path, 'job', 'lease', '000001.claim.json'), 'x')
    await refuses('LeaseHeld', directoryStore({ path }).open('job'), 'A process that is not known')
    await session.release()
    await (await directoryStore({ path }).open('job')).release()
  })

  it('is won by exactly one of two processes that ask at the same time, under a number that never comes again', async () => {
    const path = await folder()
    const children: ReadonlyArray<Driven> = await Promise.all([start(path, 'job'), start(path, 'job')])
    let last = 0
    for (let round = 0; round < 25; round++) {
      const answers = await Promise.all(children.map(async child => ({ child, answer: await child.ask('open') })))
      const won = answers.filter(({ answer }) => answer['generation'] !== undefined)
      const [winner] = won
      // One may even have it after the other, but never at the same time: nobody gives it back in between.
      assert.lengthOf(won, 1, JSON.stringify(answers.map(a => a.answer)))
      assert.deepStrictEqual(
        answers.filter(a => a !== winner).map(a => a.answer['refused']),
        ['LeaseHeld'],
      )
      assert.isAbove(Number(winner?.answer['generation']), last)
      last = Number(winner?.answer['generation'])
      if (round % 2 === 0) await winner?.child.ask('commit')
      await winner?.child.ask('release')
    }
  })

  it('is won by exactly one of two processes that find its holder killed', async () => {
    const path = await folder()
    const [holder, ...heirs] = await Promise.all([start(path, 'job'), start(path, 'job'), start(path, 'job')])
    await holder.ask('open')
    await holder.ask('commit')
    await holder.kill()
    const answers = await Promise.all(heirs.map(heir => heir.ask('open')))
    assert.sameMembers(
      answers.map(a => a['refused'] ?? a['epoch']),
      ['LeaseHeld', 0],
    )
  })

  for (const verb of ['segment', 'commit'])
    it(`is lost to a stopped process: woken up after a takeover, its next ${verb} is refused and leaves no trace`, async () => {
      const path = await folder()
      const child = await start(path, 'job', expiryMs)
      await child.ask('open')
      await child.ask('commit')
      child.signal('SIGSTOP')
      await refuses('LeaseHeld', directoryStore({ path }).open('job'))
      const session = await openWhenFree(path)
      assert.strictEqual(session.latest?.epoch, 0)
      await session.commit(1, [await session.writeSegment([bytesOf('mine')])], 'mine')
      // Written before it wakes up: it does this first, before its timer can tell it anything.
      child.send(verb)
      child.signal('SIGCONT')
      const answer = await child.next()
      assert.strictEqual(answer['refused'], 'LeaseLost')
      assert.include(String(answer['message']), `Process ${process.pid}`)
      const manifests = await readdir(join(path, 'job', 'manifests'))
      assert.deepStrictEqual(manifests.sort(), ['000001-0000000000.json', '000002-0000000001.json'])
      await session.release()
      const after = await directoryStore({ path }).open('job')
      assert.strictEqual(after.latest?.content, 'mine')
      await after.release()
    })

  it('is lost to a stopped process that only renews: it knows without writing', async () => {
    const path = await folder()
    const child = await start(path, 'job', expiryMs)
    await child.ask('open')
    child.signal('SIGSTOP')
    const session = await openWhenFree(path)
    child.signal('SIGCONT')
    while ((await child.ask('lost'))['lost'] !== true) await sleep(20)
    await session.release()
  })

  it('begins for a slow successor only when a holder that renewed behind its back no longer relies on its lease', async () => {
    const path = await folder()
    const child = await start(path, 'job', 2_000)
    await child.ask('open')
    child.signal('SIGSTOP')
    await sleep(2_200)
    // It has judged the old beat, and its claim is about to be made.
    const claim = holdUp('link', '000002.claim.json')
    const opening = directoryStore({ path }).open('job')
    await claim.reached
    child.signal('SIGCONT')
    const untilMs = Number((await child.ask('renew'))['untilMs'])
    claim.letGo()
    const session = await opening
    assert.isAbove(monotonicMs(), untilMs)
    assert.isAtLeast(session.confirmed().untilMs, monotonicMs())
    assert.strictEqual((await child.ask('renew'))['refused'], 'LeaseLost')
    await session.release()
  })

  it('is not confirmed by a beat that was written after a successor had claimed it', async () => {
    const path = await folder()
    const session = await directoryStore({ path, leaseExpiryMs: 600_000 }).open('job')
    const { untilMs } = session.confirmed()
    const lease = join(path, 'job', 'lease')
    const beat = holdUp('writeFile', '000001.beat')
    const renewing = session.renew().catch((error: unknown) => error)
    await beat.reached
    await copyFile(join(lease, '000001.claim.json'), join(lease, '000002.claim.json'))
    beat.letGo()
    const refused = await renewing
    assert.deepInclude(refused, { kind: 'LeaseLost' })
    assert.strictEqual(session.confirmed().untilMs, untilMs)
    assert.isTrue(session.lost())
    await session.release()
  })

  it('is waited for by the next process even where the one that claimed it first died while it waited', async () => {
    const path = await folder()
    const child = await start(path, 'job', 2_000)
    await child.ask('open')
    child.signal('SIGSTOP')
    await sleep(2_200)
    const claim = holdUp('link', '000002.claim.json')
    const overtaken = directoryStore({ path })
      .open('job')
      .then(
        session => session.release(),
        () => undefined,
      )
    await claim.reached
    child.signal('SIGCONT')
    const untilMs = Number((await child.ask('renew'))['untilMs'])
    child.signal('SIGSTOP')
    claim.letGo()
    const claims = async (): Promise<number> => (await readdir(join(path, 'job', 'lease'))).filter(n => n.endsWith('.claim.json')).length
    while ((await claims()) < 2) await sleep(5)
    // As an operator says of one that is gone.
    await writeFile(join(path, 'job', 'lease', '000002.released'), '')
    const third = await openWhenFree(path)
    assert.isAbove(monotonicMs(), untilMs)
    assert.strictEqual(third.generation, 3)
    await third.release()
    await overtaken
    child.signal('SIGCONT')
  })

  it('moves from one process to the next at any step of a commit, and no acknowledged checkpoint is lost or repeated', async () => {
    const path = await folder()
    const seed = 20_240_607
    const random = randomOf(seed)
    for (let round = 0; round < 8; round++) {
      const child = await start(path, 'job', 300)
      await child.ask('open')
      child.send('loop')
      await sleep(20 + random() * 100)
      // Every other time where it hurts: it has looked at the lease, and its manifest is written but has no name yet.
      if (round % 2 === 0) while (!readdirSync(join(path, 'job', 'manifests')).some(name => name.endsWith('.tmp'))) continue
      child.signal('SIGSTOP')
      const session = await openWhenFree(path)
      const base = session.latest?.epoch ?? -1
      await session.commit(base + 1, [await session.writeSegment([bytesOf(`round ${round}`)])], { round })
      child.signal('SIGCONT')
      while (child.said.at(-1)?.['refused'] === undefined) await sleep(10)
      const acknowledged = child.said.map(a => a['epoch']).filter(e => typeof e === 'number')
      assert.isAtLeast(base, Math.max(...acknowledged), `seed ${seed}, round ${round}`)
      assert.strictEqual(child.said.at(-1)?.['refused'], 'LeaseLost', JSON.stringify(child.said.at(-1)))
      await child.kill()
      await session.release()
      const after = await directoryStore({ path }).open('job')
      assert.deepStrictEqual(after.latest?.content, { round }, `seed ${seed}, round ${round}`)
      await after.release()
    }
  })

  it('moves while its holder commits without pause: what that had acknowledged is what the next one goes on from', async () => {
    const path = await folder()
    const child = await start(path, 'job')
    const seed = 7
    const random = randomOf(seed)
    for (let round = 0; round < 120; round++) {
      const { generation } = await child.ask('open')
      child.send('loop')
      await child.next()
      await sleep(random() * 8)
      await writeFile(join(path, 'job', 'lease', `${String(generation).padStart(6, '0')}.released`), '')
      const session = await directoryStore({ path }).open('job')
      let last: Answer = {}
      let acknowledged = -1
      while (last['refused'] === undefined) {
        if (typeof last['epoch'] === 'number') acknowledged = last['epoch']
        last = await child.next()
      }
      assert.strictEqual(last['refused'], 'LeaseLost', JSON.stringify(last))
      assert.isAtLeast(session.latest?.epoch ?? -1, acknowledged, `seed ${seed}, round ${round}`)
      for (const segment of session.latest?.segments ?? []) await session.readSegment(segment)
      await session.release()
    }
  })

  it('does not keep a process alive', async () => {
    const path = await folder()
    const script = `import { directoryStore } from ${JSON.stringify(new URL('../../../runners/checkpoint/index.ts', import.meta.url).href)}
      await directoryStore({ path: process.argv[1] }).open('job')`
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script, path], { stdio: 'inherit' })
    const [code] = (await once(child, 'exit')) as [number]
    assert.strictEqual(code, 0)
    await (await directoryStore({ path }).open('job')).release()
  })
})

const randomOf = (seed: number) => {
  let state = seed >>> 0
  return (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}
