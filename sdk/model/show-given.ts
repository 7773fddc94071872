// What was given where something else belongs, in messages.

/** In a few words: what was given may be large. */
export const showGiven = (value: unknown): string => {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 40))
  if (typeof value === 'function') return 'a function'
  if (typeof value !== 'object' || value === null) return String(value)
  if (Array.isArray(value)) return 'an array'
  return `an object of ${Object.keys(value).slice(0, 5).join(', ') || 'nothing'}`
}
