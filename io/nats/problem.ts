// Why there is no connection: told as an error of their own by those who wanted one.

/** What a user may not do. */
export interface Refused {
  readonly operation: 'publish' | 'subscription'
  readonly subject: string
}

export class ConnectionProblem extends Error {
  readonly _tag: 'CannotConnect' | 'AuthenticationFailed' | 'UnsupportedConnection' | 'InvalidOptions'

  constructor(tag: ConnectionProblem['_tag'], message: string, options?: { readonly cause?: unknown }) {
    super(message, options)
    this.name = tag
    this._tag = tag
  }
}
