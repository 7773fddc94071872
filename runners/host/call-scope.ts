// Whose metrics an asynchronous function updates: calls of many elements and transforms run at once, and each knows where it belongs.
import { AsyncLocalStorage } from 'node:async_hooks'
import { findScopesBy, type MetricScope } from '../../sdk/model/metric-scope.ts'

let scopes: AsyncLocalStorage<MetricScope> | null = null

/** What `call` updates, now and after whatever it waits for, goes to `scope`. */
export const withinScope = <A>(scope: MetricScope, call: () => A): A => {
  if (scopes === null) {
    const made = new AsyncLocalStorage<MetricScope>()
    scopes = made
    findScopesBy(() => made.getStore() ?? null)
  }
  return scopes.run(scope, call)
}
