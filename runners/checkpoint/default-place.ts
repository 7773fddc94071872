// Where checkpoints are kept unless somebody says otherwise: where the platform keeps a program's state.
import { posix, win32 } from 'node:path'

/**
 * The folder for checkpoints, by platform: `$XDG_STATE_HOME` or `~/.local/state` (XDG Base Directory Specification, which has a relative
 * `XDG_STATE_HOME` ignored), `~/Library/Application Support` on macOS, `%LOCALAPPDATA%` on Windows; below it `jetbeam/checkpoints`.
 *
 * @example
 * defaultPlace('linux', {}, '/home/ann') // '/home/ann/.local/state/jetbeam/checkpoints'
 */
export const defaultPlace = (
  platform: NodeJS.Platform,
  environment: Readonly<Record<string, string | undefined>>,
  home: string,
): string => {
  if (platform === 'win32') {
    const local = environment['LOCALAPPDATA']
    return win32.join(
      local !== undefined && win32.isAbsolute(local) ? local : win32.join(home, 'AppData', 'Local'),
      'jetbeam',
      'checkpoints',
    )
  }
  if (platform === 'darwin') return posix.join(home, 'Library', 'Application Support', 'jetbeam', 'checkpoints')
  const state = environment['XDG_STATE_HOME']
  return posix.join(state !== undefined && posix.isAbsolute(state) ? state : posix.join(home, '.local', 'state'), 'jetbeam', 'checkpoints')
}
