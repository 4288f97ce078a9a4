/**
 * Whether a process exists. One that has ended but whose parent did not notice counts as running.
 */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * For Node.js processes that live for seconds: without them, two fifths of the processor time of a
 * gateway's start go into compiling WebAssembly a second time, for speed that comes too late.
 */
export const SHORT_LIVED: readonly string[] = ['--liftoff-only'];
