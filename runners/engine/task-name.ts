// What tasks are called: a stage's id, and which of its tasks it is.

export const taskName = (stage: string, shard: number): string => `${stage}@${shard}`

export const stageOf = (task: string): string => task.slice(0, task.lastIndexOf('@'))
