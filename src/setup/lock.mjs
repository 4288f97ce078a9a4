import { mkdirSync, readFileSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { root } from './paths.mjs';

/**
 * A link whose target is the holder's process number and, on Linux, when that process started, as the
 * number may be another one's by now. It appears at once with its content.
 */
const lock = join(root, 'dist', '.preparing');

/** Runs `work` while no other process of this checkout does. A holder that died holds nothing. */
export async function alone(work) {
  mkdirSync(join(root, 'dist'), { recursive: true });
  let hasWaited = false;
  while (!take()) {
    if (!hasWaited)
      console.error(
        'Waiting for another process that is preparing this checkout (lock: dist/.preparing) … If none is, remove that file.',
      );
    hasWaited = true;
    await sleep(100);
  }
  const release = () => rmSync(lock, { force: true });
  process.once('exit', release);
  try {
    return await work();
  } finally {
    process.off('exit', release);
    release();
  }
}

function take() {
  try {
    symlinkSync(`${process.pid} ${startOf(process.pid)}`, lock);
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    if (!isHeld()) rmSync(lock, { force: true });
    return false;
  }
}

function isHeld() {
  try {
    const [holder, start] = readlinkSync(lock).split(' ');
    if (start && startOf(holder) !== start) return false;
    process.kill(Number(holder), 0);
    return Number(holder) !== process.pid;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** When a process started, in the clock ticks of this machine; empty where nothing tells. */
function startOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // Behind the name, which may hold anything, the state is the third field and this the 22nd.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}
