// What a message shows of a text that should name a file or a variable: never a secret that was written in its place.
import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { withoutSecretsIn } from '../../sdk/model/secret-text.ts'

export const notShown = '(not shown, it may be the secret)'

/** Names of environment variables are shown in their usual form, NATS_TOKEN: a token that is written like one is rare. */
export const shownVariable = (name: string): string => (/^[A-Z]{1,20}(?:_[A-Z0-9]{1,20}){0,8}$/.test(name) ? name : notShown)

const usualEnding = /\.(?:creds|nk|jwt|seed|token|txt|pem|crt|cert|cer|key|ca|json|properties|yaml|yml)$/i
const fromRoot = /^(?:\.{0,2}\/|~\/|[a-z]:\\)[\w. -]+(?:[\\/][\w. -]+)+$/i

/** Whether a file that is not there was meant, and no secret: it has a usual ending, or lies in a folder that there is. */
const looksLikePath = async (file: string): Promise<boolean> => {
  if (file.length > 1_024 || /\p{Cc}/u.test(file) || withoutSecretsIn(file) !== file) return false
  if (usualEnding.test(file) || fromRoot.test(file)) return true
  if (!/[\\/]/.test(file)) return false
  const folder = await stat(dirname(file)).catch(() => null)
  return folder?.isDirectory() === true
}

const missing: ReadonlySet<unknown> = new Set(['ENOENT', 'ENOTDIR', 'ENAMETOOLONG', 'ERR_INVALID_ARG_VALUE'])

const isMissing = (error: unknown): boolean => error instanceof Error && 'code' in error && missing.has(error.code)

/** Whether `error`, of an attempt to read `file`, may name it. */
export const mayBeShown = async (file: string, error: unknown): Promise<boolean> => !isMissing(error) || (await looksLikePath(file))
