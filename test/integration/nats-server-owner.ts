// A process that starts a server, tells where, and then ends in the way its argument says: `wait` for a signal, `throw`, or `return`.
import { NatsServer } from '../../io/jetstream/testing/index.ts'

const server = await NatsServer.start({ control: true })
process.stdout.write(`${JSON.stringify({ port: server.port, pid: server.pid, storeDir: server.storeDir })}\n`)
const ending = process.argv[2]
if (ending === 'wait') setInterval(() => undefined, 1_000)
if (ending === 'throw') throw new Error('as the test wants it')
