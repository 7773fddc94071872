// The reply subject of a delivered message, which carries its numbers: read by hand, because a split into strings costs more than
// the rest of a message's way.
//   $JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>
//   $JS.ACK.<domain>.<account>.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>[.<random>]

/** A delivered message's numbers; one object, written anew for each message. */
export class DeliveryNumbers {
  streamSequence = 0
  consumerSequence = 0
  /** Milliseconds since 1970. */
  publishedAt = 0
  pending = 0
  /** How often it was delivered, this time included. */
  deliveries = 0

  /** `start`: see {@link numbersStart}. */
  read(reply: string, start: number): void {
    const afterDelivered = reply.indexOf('.', start) + 1
    const afterStream = reply.indexOf('.', afterDelivered) + 1
    const afterConsumer = reply.indexOf('.', afterStream) + 1
    const afterTime = reply.indexOf('.', afterConsumer) + 1
    this.deliveries = digits(reply, start, afterDelivered - 1)
    this.streamSequence = digits(reply, afterDelivered, afterStream - 1)
    this.consumerSequence = digits(reply, afterStream, afterConsumer - 1)
    // Nanoseconds do not fit a double; without their last six digits they are milliseconds.
    this.publishedAt = digits(reply, afterConsumer, afterTime - 7)
    this.pending = digits(reply, afterTime, reply.length)
  }
}

/** The number at `from`, up to `end` or the first character that is no digit. */
const digits = (text: string, from: number, end: number): number => {
  let value = 0
  for (let i = from; i < end; i++) {
    const digit = text.charCodeAt(i) - 48
    if (digit < 0 || digit > 9) break
    value = value * 10 + digit
  }
  return value
}

/** Where the numbers begin: the same for all messages of a consumer, since stream and consumer names hold no dots. */
export const numbersStart = (reply: string): number => {
  const tokens = reply.split('.')
  const named = tokens.length >= 11 ? 6 : 4
  return tokens.slice(0, named).join('.').length + 1
}
