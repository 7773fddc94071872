// All subjects, on all runners.
import { elementWiseCases } from './element-wise.ts'
import { conformance } from './frame.ts'
import { windowCases } from './windows.ts'
import { workedExampleCases } from './worked-example.ts'

conformance({
  'verbs for one element': elementWiseCases,
  windows: windowCases,
  'the worked example': workedExampleCases,
})
