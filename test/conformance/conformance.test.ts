// All subjects, on all runners.
import { aggregateCases } from './aggregates.ts'
import { assertionCases } from './assertions.ts'
import { branchCases } from './branches.ts'
import { combineCases } from './combines.ts'
import { elementWiseCases } from './element-wise.ts'
import { failureCases } from './failures.ts'
import { finalizationCases } from './finalization.ts'
import { conformance } from './frame.ts'
import { latenessCases } from './lateness.ts'
import { lifecycleCases } from './lifecycle.ts'
import { refusalCases } from './refusals.ts'
import { restrictionCases } from './restrictions.ts'
import { sideInputCases } from './side-inputs.ts'
import { sourceCases } from './sources.ts'
import { splittableCases } from './splittable.ts'
import { statefulCases } from './stateful.ts'
import { textCases } from './texts.ts'
import { triggerCases } from './triggers.ts'
import { userMetricsCases } from './user-metrics.ts'
import { windowCases } from './windows.ts'
import { workedExampleCases } from './worked-example.ts'

conformance({
  'verbs for one element': elementWiseCases,
  'texts and keys': textCases,
  'failures and retries': failureCases,
  'side inputs': sideInputCases,
  windows: windowCases,
  'aggregations and joins': aggregateCases,
  triggers: triggerCases,
  'late elements and closing windows': latenessCases,
  'groupings and combines': combineCases,
  'collections that part and meet': branchCases,
  'state and timers': statefulCases,
  'splittable DoFns': splittableCases,
  sources: sourceCases,
  'restrictions while they are read': restrictionCases,
  'bundle finalization': finalizationCases,
  'life cycles of DoFns': lifecycleCases,
  'metrics of a pipeline': userMetricsCases,
  assertions: assertionCases,
  refusals: refusalCases,
  'the worked example': workedExampleCases,
})
