// Secrets have no place in a log, whoever wrote the record: logins in addresses, tokens, seeds, and what fields with such names hold.

const shown = '[redacted]'
const secretName =
  /pass(word|wd|phrase)?$|secret|token$|seed$|credentials?$|authorization|cookie|api_?key$|private_?key$|^jwt$|^nkey$|^auth$/i
/** Of `scheme://login@`; up to the last @ before the path, whatever the login holds. */
const login = /([a-z][a-z0-9+.-]*:\/\/)[^\s/]*@/gi
/** Seeds of nkeys, and JWTs. */
const secretText = /\bS[UAONCX][A-Z2-7]{56}\b|\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*/g
/** Deeper than this nobody looks, and nothing is shown. */
const deepest = 6

export const redactedText = (text: string): string => text.replace(login, `$1${shown}@`).replace(secretText, shown)

const redacted = (value: unknown, depth: number): unknown => {
  if (typeof value === 'string') return redactedText(value)
  if (typeof value !== 'object' || value === null) return value
  if (depth >= deepest) return shown
  if (value instanceof Error) return { type: value.name, message: redactedText(value.message), stack: redactedText(value.stack ?? '') }
  if (Array.isArray(value)) return value.map(each => redacted(each, depth + 1))
  return redactedFields(value, depth + 1)
}

/** A copy without secrets: what a log is given. */
export const redactedFields = (fields: object, depth = 0): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, secretName.test(name) && value !== null ? shown : redacted(value, depth)]),
  )
