import { mkdirSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { root } from './paths.mjs';

/** A link whose target is the holder's process number: it appears at once with its content. */
const lock = join(root, 'dist', '.preparing');

/** Runs `work` while no other process of this checkout does. A holder that died holds nothing. */
export async function alone(work) {
  mkdirSync(join(root, 'dist'), { recursive: true });
  let hasWaited = false;
  while (!take()) {
    if (!hasWaited)
      console.error(
        'Waiting for another process that is preparing this checkout (lock: dist/.preparing) …',
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
    symlinkSync(String(process.pid), lock);
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    if (!isHeld()) rmSync(lock, { force: true });
    return false;
  }
}

function isHeld() {
  try {
    const holder = Number(readlinkSync(lock));
    process.kill(holder, 0);
    return holder !== process.pid;
  } catch (error) {
    return error.code === 'EPERM';
  }
}
