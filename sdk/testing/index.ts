// What tests of pipelines use: `jetbeam/testing`.
export { type Difference, type Expectation, containsInAnyOrder, empty, satisfies, singleton } from './expectation.ts'
export { PAssert } from './passert.ts'
export { StatefulTest } from './stateful-test.ts'
export { TestStream, type TestEvent } from './test-stream.ts'
