// Which subjects a census shows to be without a new message, and what it does not take for that.
import { assert } from 'chai'
import { type CensusState, SubjectCensus } from '../../../io/jetstream/subject-census.ts'

const look = (last: number, messages: number, more: Partial<CensusState> = {}): CensusState => ({
  leader: 'n1',
  created: 'then',
  last,
  messages,
  ...more,
})

describe('A census of subjects', () => {
  /** Two censuses, ten messages apart, all of them of the subject `busy`. */
  const counted = (): SubjectCensus<CensusState> => {
    const census = new SubjectCensus<CensusState>()
    census.counted(look(100, 100), { busy: 60, quiet: 40 })
    census.counted(look(110, 110), { busy: 70, quiet: 40 })
    return census
  }

  it('shows nothing before a later look confirms it', () => {
    const census = counted()
    assert.isNull(census.confirmed)
    assert.isFalse(census.isQuiet('quiet', 101))
  })

  it('shows which subjects got no message', () => {
    const census = counted()
    census.looked(look(120, 120))
    assert.strictEqual(census.confirmed?.last, 110)
    assert.deepEqual(
      ['quiet', 'busy', 'unknown'].map(subject => census.isQuiet(subject, 101)),
      [true, false, true],
    )
    assert.isFalse(census.isQuiet('quiet', 100), 'a message that the first census counts is no news')
  })

  it('shows nothing where a message was deleted, which could hide a new one', () => {
    const census = counted()
    census.looked(look(120, 119))
    assert.isNull(census.confirmed)
    assert.isFalse(census.isQuiet('quiet', 101))
    assert.isFalse(census.isDue(10), 'and is not asked for again at once')
  })

  it('shows nothing where a message was deleted while the numbers were read', () => {
    const census = new SubjectCensus<CensusState>()
    census.counted(look(100, 100), { busy: 60, quiet: 40 })
    // Of `quiet`, one was stored and another one deleted after the state was read.
    census.counted(look(110, 110), { busy: 70, quiet: 40 })
    census.looked(look(111, 110))
    assert.isFalse(census.isQuiet('quiet', 101))
  })

  it('leaves out numbers that do not add up, because a message was stored while they were read', () => {
    const census = new SubjectCensus<CensusState>()
    census.counted(look(100, 100), { busy: 60, quiet: 40 })
    census.counted(look(110, 110), { busy: 70, quiet: 41 })
    census.looked(look(120, 120))
    assert.isNull(census.confirmed)
  })

  for (const [what, more] of [
    ['another leader answers', { leader: 'n2' }],
    ['the stream was created again', { created: 'now' }],
  ] as const)
    it(`shows nothing where ${what}`, () => {
      const census = counted()
      census.looked(look(120, 120, more))
      assert.isNull(census.confirmed)
    })
})
