// All subjects, on all runners.
import { aggregateCases } from './aggregates.ts'
import { elementWiseCases } from './element-wise.ts'
import { conformance } from './frame.ts'
import { triggerCases } from './triggers.ts'
import { windowCases } from './windows.ts'
import { workedExampleCases } from './worked-example.ts'

conformance({
  'verbs for one element': elementWiseCases,
  windows: windowCases,
  'aggregations and joins': aggregateCases,
  triggers: triggerCases,
  'the worked example': workedExampleCases,
})
