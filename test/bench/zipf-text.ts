// Generated text whose words are as unevenly common as in real text (Zipf's law): the same for the same seed.
import { createWriteStream } from 'node:fs'
import { once } from 'node:events'

const vocabulary = 50_000
const lineWords = 12
const chunkBytes = 1_024 * 1_024

/** Writes about `bytes` of it to `path`; gives how often each word is there. */
export const writeZipfText = async (path: string, bytes: number): Promise<ReadonlyMap<string, number>> => {
  const words = Array.from({ length: vocabulary }, (_, rank) => wordOf(rank))
  const draw = drawerOf(vocabulary)
  const counts = new Map<string, number>()
  const out = createWriteStream(path)
  for (let written = 0; written < bytes;) {
    let chunk = ''
    while (chunk.length < chunkBytes && written + chunk.length < bytes) {
      for (let i = 0; i < lineWords; i++) {
        const word = words[draw()] ?? ''
        counts.set(word, (counts.get(word) ?? 0) + 1)
        chunk += i === lineWords - 1 ? `${word}\n` : `${word} `
      }
    }
    written += chunk.length
    if (!out.write(chunk)) await once(out, 'drain')
  }
  out.end()
  await once(out, 'finish')
  return counts
}

/** Short words for common ones. */
const wordOf = (rank: number): string => {
  let word = ''
  for (let n = rank + 1; n > 0; n = Math.floor(n / 20)) word += 'etaoinshrdlucmfwypvb'[n % 20] ?? ''
  return rank < 20 ? word : `${word}e`
}

/** Draws ranks from 0, each as often as 1 / (rank + 1). */
const drawerOf = (ranks: number): (() => number) => {
  const upTo = new Float64Array(ranks)
  let sum = 0
  for (let rank = 0; rank < ranks; rank++) upTo[rank] = sum += 1 / (rank + 1)
  let state = 42
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    const at = (state / 0x1_0000_0000) * sum
    let [low, high] = [0, ranks - 1]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((upTo[middle] ?? 0) > at) high = middle
      else low = middle + 1
    }
    return low
  }
}
