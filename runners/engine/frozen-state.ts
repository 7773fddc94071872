// What a snapshot says of a task's state, as it stood at the barrier: written in parts, a few entries at a time, while elements go on.
import { ByteWriter } from '../../sdk/coders/index.ts'
import { UserCodeError } from '../harness/errors.ts'

export interface FrozenState {
  /** Writes up to so many entries more. Says whether all is written. */
  readonly write: (entries: number) => boolean
  /** What is written; none where there was nothing to say. */
  readonly parts: () => ReadonlyArray<Uint8Array>
}

/** Of a head that has little to say. */
export const frozenBytes = (bytes: Uint8Array): FrozenState => ({ write: () => true, parts: () => [bytes] })

/** All of it, in one piece; null for nothing. */
export const wholeOf = (frozen: FrozenState | null): Uint8Array | null => {
  if (frozen === null) return null
  while (!frozen.write(Infinity));
  const parts = frozen.parts()
  if (parts.length < 2) return parts[0] ?? null
  const out = new ByteWriter(parts.reduce((sum, { length }) => sum + length, 0))
  for (const part of parts) out.raw(part)
  return out.finish()
}

// One writer for millions of entries would be copied again and again as it grows.
const partBytes = 262_144

export class Parts {
  readonly #out = new ByteWriter()
  readonly #done: Uint8Array[] = []

  /** For one more entry. */
  get out(): ByteWriter {
    if (this.#out.position >= partBytes) this.#cut()
    return this.#out
  }

  #cut(): void {
    this.#done.push(this.#out.finish())
    this.#out.position = 0
  }

  finish(): ReadonlyArray<Uint8Array> {
    if (this.#out.position > 0) this.#cut()
    return this.#done
  }
}

export class FrozenSteps implements FrozenState {
  readonly #path: string
  readonly #parts = new Parts()
  readonly #steps: Iterator<void>

  /** `path`: for the error where a coder throws. `steps` writes one entry after the other into the parts that it is given. */
  constructor(path: string, steps: (parts: Parts) => Iterator<void>) {
    this.#path = path
    this.#steps = steps(this.#parts)
  }

  write(entries: number): boolean {
    try {
      for (let n = 0; n < entries; n++) if (this.#steps.next().done === true) return true
      return false
    } catch (cause) {
      throw UserCodeError.onState(this.#path, cause)
    }
  }

  parts(): ReadonlyArray<Uint8Array> {
    return this.#parts.finish()
  }
}
