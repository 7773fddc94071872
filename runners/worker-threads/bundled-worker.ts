// The start of a worker whose program is a bundle of the user's, with this package in it.
import { isBundled } from '../../sdk/graph/own-files.ts'
import { isOwnWorker } from './loading.ts'

let serves = false

/** For the last line of modules that a bundle evaluates whenever it can start workers. Only the first call has an effect. */
export const serveInBundle = (): void => {
  if (serves || !isBundled || !isOwnWorker()) return
  serves = true
  void import('./worker-program.ts').then(({ serve }) => serve())
}
