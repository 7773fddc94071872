// Event time while nothing comes: it stands still, unless the pipeline asks for it to go on.
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { assert } from 'chai'
import { Coder, Count, Encoder, FixedWindows, millis, orThrow, PCollection, Pipeline, pipe, seconds, Window } from 'jetbeam'
import { JetStreamIO, SplitBy, Watermark } from 'jetbeam/io/jetstream'
import { DirectRunner } from 'jetbeam/runners/direct'
import { NatsCluster } from 'jetbeam/testing/nats-server'
import { natsPlace, pause } from '../support/nats-place.ts'
import { until } from '../support/until.ts'

describe('The watermark of a stream that is idle', () => {
  const nats = natsPlace()

  const counting = async (name: string, watermark: ReturnType<typeof Watermark.boundedOutOfOrderness>) => {
    const jsm = await jetstreamManager(nats.nc())
    await jsm.streams.add({ name: `${name}_IN`, subjects: [`${name}.in`] })
    await jsm.streams.add({ name: `${name}_OUT`, subjects: [`${name}.out`] })
    const pipeline = Pipeline.of(
      pipe(
        JetStreamIO.read({ stream: `${name}_IN`, coder: Coder.string, watermark }),
        PCollection.orFail,
        Window.into(FixedWindows.of(millis(200))),
        Count.perElement,
        JetStreamIO.write({ stream: `${name}_OUT`, subject: `${name}.out`, coder: Encoder.json() }),
      ),
    )
    const job = await orThrow(pipe(pipeline, DirectRunner.start(nats.options(name))))
    await jetstream(nats.nc()).publish(`${name}.in`, 'once')
    return { job, written: async () => (await jsm.streams.info(`${name}_OUT`)).state.messages }
  }

  it('goes on with the clock where that was asked for, so that the last window fires', async () => {
    const { job, written } = await counting('asked', Watermark.boundedOutOfOrderness(millis(100), { idleAfter: millis(300) }))
    const deadline = Date.now() + 90_000
    while ((await written()) === 0 && Date.now() < deadline) await pause(50)
    assert.equal(await written(), 1)
    await orThrow(job.suspend)
  })

  it('goes on as well where it is asked for after longer than the server’s heartbeats are apart', async () => {
    const { job, written } = await counting('later', Watermark.boundedOutOfOrderness(millis(100), { idleAfter: seconds(3) }))
    await until('the last window', async () => (await written()) === 1)
    await orThrow(job.suspend)
  })

  it('goes on in a cluster, where a look is confirmed by a later one', async () => {
    const cluster = await NatsCluster.start()
    const nc = await connect({ servers: cluster.url.split(',') })
    const jsm = await jetstreamManager(nc)
    for (const [name, subject] of [
      ['R_IN', 'r.in'],
      ['R_OUT', 'r.out'],
    ] as const)
      await jsm.streams.add({ name, subjects: [subject], num_replicas: 3 })
    const pipeline = Pipeline.of(
      pipe(
        JetStreamIO.read({
          stream: 'R_IN',
          coder: Coder.string,
          watermark: Watermark.boundedOutOfOrderness(millis(100), { idleAfter: seconds(3) }),
        }),
        PCollection.orFail,
        Window.into(FixedWindows.of(millis(200))),
        Count.perElement,
        JetStreamIO.write({ stream: 'R_OUT', subject: 'r.out', coder: Encoder.json() }),
      ),
    )
    const options = { ...nats.options('cluster'), provide: [JetStreamIO.connection({ servers: cluster.url })] }
    const job = await orThrow(pipe(pipeline, DirectRunner.start(options)))
    await jetstream(nc).publish('r.in', 'once')
    await until('the last window', async () => (await jsm.streams.info('R_OUT')).state.messages === 1)
    await orThrow(job.suspend)
    await nc.close()
    await cluster.stop()
  })

  for (const [what, config, limit] of [
    ['costs a few requests a second', {}, 30],
    ['costs a bounded number of requests a second where the stream deletes messages', { max_msgs: 600 }, 150],
  ] as const)
    it(`goes on past hundreds of idle subjects while one is written, and ${what}`, async () => {
      const name = `MANY${limit}`
      const jsm = await jetstreamManager(nats.nc())
      await jsm.streams.add({ name, subjects: [`${name}.*`], ...config })
      const js = jetstream(nats.nc())
      await Promise.all(Array.from({ length: 400 }, (_, i) => js.publish(`${name}.${i}`, 'once')))
      let windows = 0
      const pipeline = Pipeline.of(
        pipe(
          JetStreamIO.read({
            stream: name,
            coder: Coder.string,
            splitBy: SplitBy.subject({ discoverEvery: millis(500) }),
            watermark: Watermark.boundedOutOfOrderness(millis(100), { idleAfter: millis(300) }),
          }),
          PCollection.orFail,
          Window.into(FixedWindows.of(millis(200))),
          Count.perElement,
          PCollection.map(() => windows++),
          PCollection.ignore,
        ),
      )
      const job = await orThrow(pipe(pipeline, DirectRunner.start(nats.options(name, seconds(1)))))
      const writing = setInterval(() => void js.publish(`${name}.0`, 'more').catch(() => undefined), 10)
      // With a few looks before, so that all splits have found that nothing is left of theirs.
      await until('windows of the subject that is written', () => job.metrics().elementsRead > 400 && windows > 10)
      let requests = 0
      const counting = nats.nc().subscribe(`$JS.API.STREAM.*.GET.${name}`, {
        callback: () => {
          requests++
        },
      })
      const looks = nats.nc().subscribe(`$JS.API.STREAM.INFO.${name}`, {
        callback: () => {
          requests++
        },
      })
      const [before, began] = [windows, performance.now()]
      await until('more windows', () => windows > before + 20)
      const perSecond = requests / ((performance.now() - began) / 1_000)
      clearInterval(writing)
      counting.unsubscribe()
      looks.unsubscribe()
      assert.isAbove(requests, 0)
      assert.isBelow(perSecond, limit)
      await orThrow(job.suspend)
    })

  it('stands still otherwise', async () => {
    const { job, written } = await counting('unasked', Watermark.boundedOutOfOrderness(millis(100)))
    while (job.metrics().elementsRead === 0) await pause(20)
    await pause(1_500)
    assert.equal(await written(), 0)
    await orThrow(job.suspend)
  })
})
