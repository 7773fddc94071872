// The hash that puts a key into a key group. It is written into checkpoints by what it decides, and so fixed for good:
// MurmurHash3_x86_32 by Austin Appleby (public domain), whose low bits are well mixed even for keys that differ in one character.

/** MurmurHash3_x86_32: an unsigned 32-bit hash of the bytes. */
export const murmur3 = (bytes: Uint8Array, seed: number): number => {
  const length = bytes.length
  const whole = length & ~3
  let hash = seed | 0
  let at = 0
  for (; at < whole; at += 4) {
    // `at + 3` lies below `length`
    const block =
      (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24)
    hash ^= scramble(block)
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe654_6b64) | 0
  }
  let tail = 0
  for (let i = length - 1; i >= whole; i--) tail = (tail << 8) | (bytes[i] as number) // i < length
  if (length > whole) hash ^= scramble(tail)
  hash ^= length
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

const scramble = (block: number): number => {
  const mixed = Math.imul(block, 0xcc9e_2d51)
  return Math.imul((mixed << 15) | (mixed >>> 17), 0x1b87_3593)
}
