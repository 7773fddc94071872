// Why there is no connection: told as an error of their own by those who wanted one.

export class ConnectionProblem extends Error {
  readonly _tag: 'CannotConnect' | 'UnsupportedConnection' | 'InvalidOptions'

  constructor(tag: ConnectionProblem['_tag'], message: string, options?: { readonly cause?: unknown }) {
    super(message, options)
    this.name = tag
    this._tag = tag
  }
}
