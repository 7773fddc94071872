import { assert } from 'chai'
import { Count, PCollection, flow, named, pipe } from '../../../sdk/index.ts'
import { callSite } from '../../../sdk/graph/call-site.ts'
import { outputIn } from '../../../sdk/graph/pcollection.ts'
import { read } from './endpoints.ts'

describe('where a node was made', () => {
  it('is a line of the program, however many verbs lie between', () => {
    const limit = Error.stackTraceLimit
    const counted = pipe(
      read<string>('IN'),
      named(
        'Outer',
        flow(
          PCollection.map(w => w),
          named('Inner', Count.perElement),
        ),
      ),
    )
    assert.match(outputIn(counted).node.createdAt, /call-site\.test\.ts:10:\d+$/)
    assert.strictEqual(Error.stackTraceLimit, limit)
  })

  it('is found also where the program keeps no stack traces, and that stays so', () => {
    const limit = Error.stackTraceLimit
    Error.stackTraceLimit = 0
    assert.match(callSite()(), /call-site\.test\.ts:\d+:\d+$/)
    assert.strictEqual(Error.stackTraceLimit, 0)
    Error.stackTraceLimit = limit
  })

  it('becomes text when it is asked for, which takes many times as long as to remember it', () => {
    const before = Object.getOwnPropertyDescriptor(Error, 'prepareStackTrace')
    let written = 0
    Error.prepareStackTrace = error => {
      written++
      return String(error)
    }
    try {
      const where = callSite()
      assert.strictEqual(written, 0)
      where()
      where()
      assert.strictEqual(written, 1)
    } finally {
      if (before === undefined) Reflect.deleteProperty(Error, 'prepareStackTrace')
      else Object.defineProperty(Error, 'prepareStackTrace', before)
    }
  })
})
