// A stream that grows while several readers of it begin: what one reader received after another's look is no sign of a loss.
import { jetstream } from '@nats-io/jetstream'
import { assert } from 'chai'
import { acquire } from '../../io/jetstream/connections.ts'
import { StreamHistory } from '../../io/jetstream/history.ts'
import { streamInfo } from '../../io/jetstream/stream-info.ts'
import { hostContext, range, rejection } from '../support/jetstream-context.ts'
import { natsPlace } from '../support/nats-place.ts'

describe('A stream that grows while its readers begin', () => {
  const place = natsPlace()

  it('is not taken for one that was cut off before what another reader has received', async () => {
    const link = await acquire(hostContext(place.url()), undefined, 'read')
    try {
      await link.jsm.streams.add({ name: 'GROWS', subjects: ['grows'] })
      const publish = async (): Promise<void> => {
        for (const i of range(0, 5)) await jetstream(place.nc()).publish('grows', `${i}`)
      }
      await publish()
      const look = await streamInfo(link, 'GROWS', 'read')
      await publish()
      const newest = await link.jsm.streams.getMessage('GROWS', { seq: 10 })
      assert.isAbove(10, look.state.last_seq, 'the look is older than the message')
      const history = new StreamHistory({ link, stream: 'GROWS', label: 'read' }, () => undefined)
      history.received(10, newest?.time.getTime() ?? Number.NaN)
      await history.verify(look)
      history.received(20, Date.now())
      assert.match(String(await rejection(history.verify(look))), /ends at sequence 10, but sequence 20 was in it/)
    } finally {
      await link.release()
    }
  })
})
