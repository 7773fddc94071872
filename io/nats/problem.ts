// Why there is no connection: told as an error of their own by those who wanted one.
import { withoutSecrets } from '../../sdk/model/redaction.ts'
import { withoutSecretsIn } from '../../sdk/model/secret-text.ts'

/** What a user may not do. */
export interface Refused {
  readonly operation: 'publish' | 'subscription'
  readonly subject: string
}

/** Nobody is there. */
export interface Absence {
  /** They were reached before: by this process, or by whoever has started this thread. */
  readonly wasThere: boolean
  /** How long they may be away; milliseconds. */
  readonly patienceMs: number
}

export class ConnectionProblem extends Error {
  readonly _tag: 'CannotConnect' | 'AuthenticationFailed' | 'UnsupportedConnection' | 'InvalidOptions'

  /** null: they are there, or nobody has looked. */
  readonly absence: Absence | null

  constructor(tag: ConnectionProblem['_tag'], message: string, options?: { readonly cause?: unknown; readonly absence?: Absence }) {
    // What a client throws holds the address with its login.
    super(withoutSecretsIn(message), options?.cause === undefined ? undefined : { cause: withoutSecrets(options.cause) })
    this.name = tag
    this._tag = tag
    this.absence = options?.absence ?? null
  }
}
