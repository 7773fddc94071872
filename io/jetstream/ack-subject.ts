// Where acknowledgments of a consumer go, and whether they arrive there.
import { errors } from '@nats-io/nats-core'
import type { Link } from './connections.ts'
import { JetStreamIOError, causeOf, errorText } from './errors.ts'
import { sleep } from './patience.ts'

export interface ConsumerPlace {
  readonly stream: string
  /** The consumer's name. */
  readonly name: string
  /** For messages: the read. */
  readonly label: string
}

export const replyPrefix = ({ stream, name }: ConsumerPlace): string => `$JS.ACK.${stream}.${name}.`

/** Where the acknowledgment of a message goes that was delivered to another reader. The server looks at the sequences alone. */
export const replyFor = (place: ConsumerPlace, sequence: number, consumerSequence: number): string =>
  `${replyPrefix(place)}1.${sequence}.${consumerSequence}.0.0`

/** No stream has come so far. The server answers for any sequence but 0, whether it has such a message or not. */
const noMessage = Number.MAX_SAFE_INTEGER
const inProgress = new TextEncoder().encode('+WPI')
const answerMs = 2_000
const askAgainMs = 250
/** A cluster answers for a consumer before each of its servers passes acknowledgments on. */
const patienceMs = 5_000

/**
 * Rejects with NotPermitted where acknowledgments do not reach the server, although the consumer is there: this user may not publish them, or
 * an account that imports the stream does not import them. Acknowledges nothing.
 */
export const requireAcknowledgeable = async (link: Link, place: ConsumerPlace, signal: AbortSignal): Promise<void> => {
  for (const deadline = Date.now() + patienceMs; ;) {
    try {
      await link.nc.request(replyFor(place, noMessage, noMessage), inProgress, { timeout: answerMs })
      return
    } catch (error) {
      const isUnanswered = error instanceof errors.TimeoutError || isWithoutResponders(error)
      if (!isUnanswered || !link.isConnected()) throw error
      if (Date.now() < deadline) {
        await sleep(askAgainMs, signal)
        continue
      }
      const { label, name, stream } = place
      throw new JetStreamIOError(
        'NotPermitted',
        `${label}: the consumer ${name} of the stream ${stream} is there, but acknowledgments do not reach it (${replyPrefix(place)}>): ${errorText(error)}. ` +
          'Let this user publish there; in an account that imports the stream, import $JS.ACK.> as a service as well.',
        { cause: error },
      )
    }
  }
}

const isWithoutResponders = (error: unknown): boolean =>
  error instanceof errors.NoRespondersError || causeOf(error) instanceof errors.NoRespondersError
