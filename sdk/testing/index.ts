// What tests of pipelines use: `jetbeam/testing`.
export { type Difference, type Expectation, type Expected, containsInAnyOrder, empty, satisfies, singleton } from './expectation.ts'
export { PAssert } from './passert.ts'
export { type ContentsOf, StatefulTest } from './stateful-test.ts'
export { TestStream, type TestEvent } from './test-stream.ts'
