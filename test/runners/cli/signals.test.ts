// One Ctrl-C that arrives twice, and two.
import { assert } from 'chai'
import { listen } from '../../../runners/cli/signals.ts'

/** Delivers signals at these times, to a listener with a clock of its own; gives how often it suspended, and whether the process ended. */
const heard = (atMs: ReadonlyArray<number>): { readonly suspended: number; readonly exit: number | null } => {
  const exit = process.exit.bind(process)
  let [now, suspended] = [0, 0]
  let code: number | null = null
  const signals = listen(
    () => {
      suspended++
    },
    () => now,
  )
  process.exit = (given): never => {
    code ??= Number(given)
    return undefined as never // the process of the tests goes on
  }
  try {
    for (const at of atMs) {
      now = at
      process.emit('SIGINT', 'SIGINT')
    }
  } finally {
    process.exit = exit
    signals.ignore()
  }
  return { suspended, exit: code }
}

describe('Ctrl-C', () => {
  it('that arrives twice within half a second, as through tsx, is one', () => {
    assert.deepEqual(heard([100, 133]), { suspended: 1, exit: null })
  })

  it('pressed a second time ends the process at once', () => {
    assert.deepEqual(heard([100, 133, 700]), { suspended: 1, exit: 130 })
  })
})
