// Waits for a condition, and rejects with its name where it does not come to hold.

const everyMs = 10

export const until = async (what: string, holds: () => boolean | Promise<boolean>, withinMs = 60_000): Promise<void> => {
  for (const deadline = Date.now() + withinMs; !(await holds());) {
    if (Date.now() > deadline) throw new Error(`${what}: not within ${withinMs} ms`)
    await new Promise(resolve => setTimeout(resolve, everyMs))
  }
}
