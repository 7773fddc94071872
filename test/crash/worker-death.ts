// A step of the crash test's pipelines that lets everything through, until a worker that comes by is told to end.
import { BroadcastChannel, isMainThread } from 'node:worker_threads'
import type { Death } from './kills.ts'

const channelName = 'jetbeam-crash'

interface Order {
  readonly death: Death
  /** 1 until one thread has taken it. */
  readonly left: Int32Array
}
let order: Order | null = null

/** From the main thread: whichever worker handles the next element ends. */
export const endSomeWorker = (death: Death): void => {
  const left = new Int32Array(new SharedArrayBuffer(4))
  left[0] = 1
  const channel = new BroadcastChannel(channelName)
  channel.postMessage({ death, left } satisfies Order)
  channel.close()
}

if (!isMainThread) {
  const channel = new BroadcastChannel(channelName)
  channel.onmessage = message => {
    order = (message as { readonly data: Order }).data // by its channel
  }
  channel.unref()
}

export const mayDie = <A>(value: A): A => {
  if (order !== null && Atomics.exchange(order.left, 0, 0) === 1) die(order.death)
  return value
}

const die = (death: Death): void => {
  switch (death) {
    case 'exits':
      return process.exit(3)
    case 'throws':
      throw new Error('the crash test made it throw')
    case 'runsOutOfMemory':
      for (const kept: number[][] = []; ;) kept.push(new Array<number>(100_000).fill(kept.length))
  }
}
