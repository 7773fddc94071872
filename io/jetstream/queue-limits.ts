// Limits by which a work queue, or a stream by interest, erases what nobody has read yet: a consumer passes over it, and cannot know.
import { DiscardPolicy, type StreamInfo } from '@nats-io/jetstream'

/** What to say at the start of a read that acknowledges; null: nothing is erased unread. */
export const limitsWarning = ({ config }: StreamInfo, label: string): string | null => {
  const { max_age, max_msgs, max_msgs_per_subject, max_bytes } = config
  const refusesNew = config.discard === DiscardPolicy.New
  const refusesNewOfSubject = refusesNew && config.discard_new_per_subject === true
  const limits = [
    ...(max_age > 0 ? [`max_age ${max_age / 1_000_000} ms`] : []),
    ...(max_msgs > 0 && !refusesNew ? [`max_msgs ${max_msgs}`] : []),
    ...(max_msgs_per_subject > 0 && !refusesNewOfSubject ? [`max_msgs_per_subject ${max_msgs_per_subject}`] : []),
    ...(max_bytes > 0 && !refusesNew ? [`max_bytes ${max_bytes}`] : []),
  ]
  if (limits.length === 0) return null
  return (
    `${label}: the stream ${config.name} has ${limits.join(', ')}, by which it erases messages that nobody has read yet, without a trace. ` +
    'Give it no such limit; or, in place of max_msgs and max_bytes, let it refuse what is too much (discard: new).'
  )
}
