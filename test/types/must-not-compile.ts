// What must not compile.
import * as S from 'fp-ts/lib/string.js'
import * as N from 'fp-ts/lib/number.js'
import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { AfterCount, Coder, Combine, Count, Create, FixedWindows, ParDo, Partition, PCollection, Pipeline, Window, emit, minutes, pipe, seconds } from 'jetbeam'
import { WorkerThreadsRunner } from 'jetbeam/runners/worker-threads'
import { PAssert, containsInAnyOrder } from 'jetbeam/testing'
import { z } from 'zod'
import type { Order, View } from './model.ts'

declare const orders: PCollection<Order>
declare const views: PCollection<View>
const byId = pipe(orders, PCollection.keyBy(o => o.id))

// @ts-expect-error string monoid over numbers
export const n1 = pipe(Create.of([1, 2]), PCollection.keyBy(n => n % 2), Combine.perKey(S.Monoid))
// @ts-expect-error unkeyed combine
export const n2 = pipe(Create.of(['x']), Combine.perKey(S.Monoid))
// a tuple from map stays a tuple: this one does compile
export const n3 = pipe(Create.of(['x']), PCollection.map(w => [w, 1]), Combine.perKey(N.MonoidSum))
// @ts-expect-error trigger without accumulation
export const n4 = pipe(views, Window.into(FixedWindows.of(minutes(1)), { trigger: AfterCount.of(1) }))
// @ts-expect-error lateness without accumulation
export const n5 = pipe(views, Window.into(FixedWindows.of(minutes(1)), { allowedLateness: minutes(1) }))
// @ts-expect-error a tag that Partition.on lacks
export const n6 = pipe(byId, ParDo.bundled({ process: ({ value }) => [emit({ kind: 'slwo', value })] }), Partition.on('kind', ['slow']))
// @ts-expect-error raw value instead of an effect
export const n7 = pipe(orders, ParDo.bundled({ process: ({ value }) => [value] }))
// @ts-expect-error wrong expectation
export const n8 = pipe(views, Count.perElement, PAssert.that(containsInAnyOrder([['a', 1]])))
// @ts-expect-error number as instant
export const n9 = pipe(orders, PCollection.withTimestamps(o => o.total))
// @ts-expect-error Either not separated
export const n10 = pipe(orders, PCollection.map((o): E.Either<string, Order> => E.right(o)), PCollection.keyBy(o => o.id))
// @ts-expect-error partition tag
export const n11 = pipe(orders, Partition.by(['small', 'large'], o => (o.total > 10 ? 'large' : 'tiny')))
// @ts-expect-error a collection is no leaf: it needs a write, or PCollection.ignore
export const n12 = Pipeline.of(orders)
// @ts-expect-error coder of another key type
export const n13 = pipe(orders, PCollection.keyBy(o => o.id, { coder: Coder.varint }))
// @ts-expect-error coder of another element type
export const n14 = pipe(orders, PCollection.withCoder(Coder.string))
// @ts-expect-error separate of something else than an Either
export const n15 = pipe(orders, PCollection.separate)
// @ts-expect-error a promise is asked for
export const n16 = pipe(orders, PCollection.mapAsync(o => o.id))
// @ts-expect-error epoch seconds as a timeout
export const n17 = pipe(orders, PCollection.mapAsync(async o => o.id, { timeout: 5 }))
// @ts-expect-error the error that `while` sees has no such property
export const n18 = pipe(orders, PCollection.mapTaskEither((o): TE.TaskEither<{ readonly code: number }, string> => TE.right(o.id), { timeout: seconds(1), retry: { attempts: 2, while: e => e.status > 1 } }))
const withOptions = Pipeline.define(import.meta, 'with-options', z.object({ from: z.string() }), ({ from }) => pipe(Create.of([from]), PCollection.ignore))
export const n19 = withOptions({ from: 'x' })
// @ts-expect-error an option is missing
export const n20 = withOptions({})
// @ts-expect-error the dead letter's sink is none: it gives a collection
export const n21 = pipe(orders, PCollection.tryMap(o => o.id), PCollection.deadLetter(PCollection.map(failure => failure.message)))
// @ts-expect-error a pipeline without a definition on threads: they could not make it again
export const n22 = pipe(Pipeline.of(pipe(orders, PCollection.ignore)), WorkerThreadsRunner.run({ workers: 2 }))
