// A DoFn with a bundle's life cycle, with its types erased: what a graph node carries.

/** `setup` once a task, `startBundle` and `finishBundle` around each bundle, `teardown` when the task ends. */
export interface BundleSpec {
  readonly setup?: (() => unknown) | undefined
  readonly startBundle?: ((setup: never) => unknown) | undefined
  readonly process: (element: never, context: never) => unknown
  readonly finishBundle?: ((context: never) => unknown) | undefined
  readonly teardown?: ((setup: never) => unknown) | undefined
}
