// The whole: each way on each supported Node. Run by `npm run test:installed`.
import { firstContact } from './first-contact.ts'

firstContact('The first pipeline, with the package installed in an empty folder, runs on two workers', {
  nodes: [20, 22, 24],
  vitest: true,
})
