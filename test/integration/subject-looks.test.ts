// Looks for the subjects of a stream, without a run: many of them, and some that appear where others were erased.
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { type NatsConnection, connect } from '@nats-io/transport-node'
import { assert } from 'chai'
import { Erased } from '../../io/jetstream/index.ts'
import { acquire } from '../../io/jetstream/connections.ts'
import { evidenceOf } from '../../io/jetstream/stream-evidence.ts'
import { SubjectLooks, splitsBySubject } from '../../io/jetstream/subject-splits.ts'
import { NatsServer, type RunningServer } from '../../io/jetstream/testing/index.ts'
import { hostContext, range, rejection } from '../support/jetstream-context.ts'

describe('A look for the subjects of a stream', () => {
  let server: RunningServer
  let nc: NatsConnection
  before(async () => {
    server = await NatsServer.start()
    nc = await connect({ servers: server.url })
  })
  after(async () => {
    await nc.close()
    await server.stop()
  })

  const looksAt = async (stream: string, config: object) => {
    await (await jetstreamManager(nc)).streams.add({ name: stream, subjects: [`${stream}.*`], ...config })
    await jetstream(nc).publish(`${stream}.first`, '')
    const link = await acquire(hostContext(server.url), undefined, 'read')
    const o = { stream, label: 'read', filters: [], erased: Erased.fail }
    const look = await evidenceOf(link, stream).look('read')
    const { info } = look
    const detail = { created: info.created, lastSequence: info.state.last_seq, untilMs: null, list: null }
    const known = await splitsBySubject(link, o, { from: 1, to: null }, detail, look)
    const warnings: string[] = []
    const looks = new SubjectLooks(link, o, warning => warnings.push(warning))
    const appeared = async (): Promise<number> => (await looks.find({ known, toEnd: false })).splits.length
    return { appeared, warnings, release: link.release }
  }

  it('goes on, and says so once, when they are more than a thousand', async () => {
    const { appeared, warnings, release } = await looksAt('many', {})
    await Promise.all(range(0, 1_001).map(i => jetstream(nc).publish(`many.${i}`, '')))
    assert.deepEqual([await appeared(), await appeared()], [1_001, 1_001])
    assert.lengthOf(warnings, 1)
    assert.include(warnings[0], '1002 subjects have messages')
    await release()
  })

  const erasing = async (stream: string, config: object) => {
    const looked = await looksAt(stream, config)
    await looked.appeared()
    // The newest of one subject is kept, and what is before it goes.
    for (const subject of ['first', 'second', 'first', 'second']) await jetstream(nc).publish(`${stream}.${subject}`, '')
    return looked
  }

  it('goes on where a stream keeps the last messages of each subject, as it says', async () => {
    const { appeared, warnings, release } = await erasing('compacted', { max_msgs_per_subject: 1 })
    assert.equal(await appeared(), 1)
    assert.match(warnings.join(), /were erased before its subjects were looked at/)
    await release()
  })

  it('fails where anything else was erased that it may have missed', async () => {
    const { appeared, release } = await erasing('limited', { max_msgs: 2 })
    assert.equal((await rejection(appeared())).name, 'MessagesErased')
    await release()
  })
})
