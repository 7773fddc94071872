// Whether JetStream answers: a server of a cluster takes connections long before it has a leader.
import { connect } from 'node:net'

const answerMs = 1_000

/** Asks for the account's JetStream, as any client does. */
export const jetStreamAnswers = (host: string, port: number): Promise<boolean> =>
  new Promise(resolve => {
    const socket = connect(port, host)
    const end = (answers: boolean): void => {
      clearTimeout(late)
      socket.destroy()
      resolve(answers)
    }
    const late = setTimeout(() => end(false), answerMs)
    let received = ''
    socket.setEncoding('utf8')
    socket.once('error', () => end(false)).once('close', () => end(false))
    socket.once('connect', () =>
      socket.write('CONNECT {"verbose":false,"headers":true,"no_responders":true}\r\nSUB answer 1\r\nPUB $JS.API.INFO answer 0\r\n\r\n'),
    )
    socket.on('data', (chunk: string) => {
      received += chunk
      if (/"error"|-ERR|503/.test(received)) end(false)
      else if (received.includes('account_info_response') && received.includes('"limits"')) end(true)
    })
  })
