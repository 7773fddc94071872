// The fast part: this Node, and the tools of the checkout. `npm run test:installed` also installs vitest, and Node 22 and 24.
import { firstContact } from './first-contact.ts'

firstContact('The first pipeline, with the package installed in an empty folder, runs on two workers', { nodes: [], vitest: false })
