// What tasks are called: a stage's id, and which of its tasks it is.

export const taskName = (stage: string, shard: number): string => `${stage}@${shard}`

/** Of all tasks of these stages. */
export const taskNames = (stages: Iterable<string>, shards: number): ReadonlyArray<string> =>
  [...stages].flatMap(stage => Array.from({ length: shards }, (_, shard) => taskName(stage, shard)))

export const stageOf = (task: string): string => task.slice(0, task.lastIndexOf('@'))
