// A process that checkpoints without pause is killed at random moments: what it said was durable is there, intact, every time.
import { setTimeout as sleep } from 'node:timers/promises'
import { assert } from 'chai'
import { checkpointProcesses } from './process-driver.ts'
import { storeAt } from './store-at.ts'
import { streams } from './stream-place.ts'
import { temporaryFolders } from './temporary-folder.ts'

const kills = Number(process.env['JETBEAM_KILLS'] ?? 12)
const seed = Number(process.env['JETBEAM_SEED'] ?? 1)

describe('A process killed while it checkpoints', function () {
  this.timeout(180_000)
  const folder = temporaryFolders()
  const at = streams()
  const start = checkpointProcesses()
  const places = { 'a directory': folder, 'a stream': async () => at.place(at.fresh()) }

  for (const [kind, make] of Object.entries(places))
    it(`in ${kind} has lost nothing it said was durable, killed ${kills} times (seed ${seed})`, async () => {
      const path = await make()
      const store = storeAt(path)
      let durable = -1
      let generation = 0
      // Starting takes longer than what is tested: the next one starts while this one is looked at.
      let coming = start(path, 'job')
      for (let kill = 0; kill < kills; kill++) {
        const child = await coming
        coming = start(path, 'job')
        const opened = await child.ask('open')
        assert.isAtLeast(Number(opened['epoch']), durable)
        child.send('loop')
        // Multiplicative hashing of the seed and the kill: 0 to 60 ms, where a checkpoint takes 2 to 10.
        const waitMs = ((Math.imul(seed * 1_000 + kill, 2_654_435_761) >>> 0) / 2 ** 32) * 60
        await sleep(waitMs)
        await child.kill()
        for (const { epoch } of child.said) if (typeof epoch === 'number' && epoch > durable) durable = epoch
        const session = await store.open('job')
        const label = `seed ${seed}, kill ${kill} after ${waitMs.toFixed(1)} ms`
        assert.isAbove(session.generation, generation, label)
        generation = session.generation
        if (durable >= 0) assert.isAtLeast(session.latest?.epoch ?? -1, durable, label)
        // What became durable just before it could say so.
        durable = Math.max(durable, session.latest?.epoch ?? -1)
        for (const segment of session.latest?.segments ?? []) {
          const content = await session.readSegment(segment)
          assert.strictEqual(content.length, segment.bytes, label)
        }
        assert.deepStrictEqual(session.latest?.content ?? null, durable < 0 ? null : { epoch: durable }, label)
        await session.release()
      }
      await (await coming).kill()
      assert.isAbove(durable, 0, 'nothing was ever committed: the kills came too early to test anything')
    })
})
