// Writes the source text of a compiled stage: indented lines, fresh names, and the constants that the text refers to.

export class CodeWriter {
  readonly constants: unknown[] = []
  readonly #constantOf = new Map<unknown, string>()
  #lines: string[] = []
  #names = 0

  line(text: string): void {
    this.#lines.push(text)
  }

  block(head: string, body: () => void): void {
    this.line(`${head} {`)
    body()
    this.line('}')
  }

  /** What `body` writes, apart from the rest. */
  section(body: () => void): string {
    const outer = this.#lines
    this.#lines = []
    body()
    const text = this.#lines.join('\n')
    this.#lines = outer
    return text
  }

  /** A name that stands for `value` inside the text. */
  constant(value: unknown): string {
    const known = this.#constantOf.get(value)
    if (known !== undefined) return known
    const name = `c${this.constants.push(value) - 1}`
    this.#constantOf.set(value, name)
    return name
  }

  /** A name that no other has: `prefix` and a number. */
  fresh(prefix: string): string {
    return `${prefix}${this.#names++}`
  }
}
