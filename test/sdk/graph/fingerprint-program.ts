// Another process: prints the fingerprint of the pipeline that the test builds in its own.
import { fingerprint, graphOf } from '../../../sdk/graph/graph.ts'
import { totals } from './totals.ts'

process.stdout.write(fingerprint(graphOf([totals()])))
