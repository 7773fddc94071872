// The file that a worker thread is started with.
import { serve } from './worker-program.ts'

serve()
