// All subjects, on all runners.
import { elementWiseCases } from './element-wise.ts'
import { conformance } from './frame.ts'

conformance({
  'verbs for one element': elementWiseCases,
})
