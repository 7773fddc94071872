// Ids that a pipeline itself gives its messages, as Nats-Msg-Id: within its duplicate window a stream drops what comes under an id that it knows.
import { ConfigurationError } from './configuration-error.ts'
import type { Delivery } from './delivery.ts'
import { JetStreamIOError } from './errors.ts'

/** Whether the run names its outputs itself, so that it can tell after a failure which of them arrived. */
export const namesOutputs = (delivery: Delivery['_tag']): boolean => delivery !== 'atLeastOnce' && delivery !== 'atMostOnce'

/** Throws a ConfigurationError. `id`: as JavaScript may give it. */
export const requireRoomForIds = (label: string, id: unknown, delivery: Delivery['_tag']): void => {
  const refuse = (reason: string): never => {
    throw new ConfigurationError(label, [{ path: 'id', tag: 'InvalidOptions', reason }])
  }
  if (id === undefined) return
  if (typeof id !== 'function') return refuse('it is no function that gives the id of an element')
  if (namesOutputs(delivery))
    refuse(
      `with delivery: Delivery.${delivery} the run names its outputs itself, to find them again after a failure, and of two elements with one id the second would be lost. Put the id into a header, or drop repeats before with Deduplicate; or write with Delivery.atLeastOnce or Delivery.atMostOnce`,
    )
}

/** Servers keep each of them in memory for as long as the duplicate window is. */
const longestId = 512

/** Controls end a header, halves of characters are no text, and spaces around it a server does not see. */
const unfit = /\p{Cc}|\p{Cs}|^\s|\s$/u

const whyUnfit = (id: string): string | null => {
  if (id === '') return 'is empty'
  if (id.length > longestId) return `has ${id.length} characters`
  return unfit.test(id) ? 'has a control character, half a character, or a space at an end' : null
}

/** Throws InvalidOptions. Never shows an id: it is data. */
export const checkedId = (id: unknown, label: string): string => {
  const why = typeof id === 'string' ? whyUnfit(id) : 'is no text'
  if (typeof id === 'string' && why === null) return id
  throw new JetStreamIOError(
    'InvalidOptions',
    `${label}: id: what it gave for this element ${why}. An id is a text of 1 to ${longestId} characters, without control characters and without spaces at its ends.`,
  )
}
