// The pull requests a consumer has not answered in full. The server serves them in the order they came, so a message belongs to the oldest.

interface PullRequest {
  readonly token: number
  readonly asked: number
  messages: number
}

export class PullWindow {
  private readonly requests: PullRequest[] = []
  private tokens = 0
  /** Messages that were asked for and have not come. */
  outstanding = 0

  get open(): number {
    return this.requests.length
  }

  /** Gives the token by which the server's word about this request will be known. */
  asked(messages: number): number {
    this.requests.push({ token: ++this.tokens, asked: messages, messages })
    this.outstanding += messages
    return this.tokens
  }

  delivered(): void {
    const oldest = this.requests[0]
    if (oldest === undefined) return
    this.outstanding--
    if (--oldest.messages === 0) this.requests.shift()
  }

  /** The server will not serve the rest of it. Gives whether it served none of it. */
  ended(token: number): boolean {
    const i = this.requests.findIndex(r => r.token === token)
    const request = this.requests[i]
    if (request === undefined) return false
    this.outstanding -= request.messages
    this.requests.splice(i, 1)
    return request.messages === request.asked
  }

  clear(): void {
    this.requests.length = 0
    this.outstanding = 0
  }
}
