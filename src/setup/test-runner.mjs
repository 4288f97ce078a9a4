/** Runs each test file in one of a few processes, with jest-light-runner. */
import { createRunner } from 'jest-light-runner';

const runtime = 'child_process';

/**
 * jest-light-runner 0.7 tells all processes their settings when the first one asks. One that does not
 * listen yet misses them, is not told again, and waits for ever; so each is told here when it asks.
 */
class Runners extends Map {
  constructor(globalConfig) {
    super();
    this.globalConfig = globalConfig;
  }

  set(projectConfig, { pool, run }) {
    const { globalConfig } = this;
    if (globalConfig.maxWorkers === 1) return super.set(projectConfig, { pool, run });
    const workerData = { globalConfig, projectConfig, runtime };
    return super.set(projectConfig, {
      pool,
      run: ({ path }) => pool.run(path, { channel: channelTo(workerData) }),
    });
  }
}

/** Between this process and the one that runs a file. */
function channelTo(workerData) {
  let send;
  return {
    onMessage: (listener) => {
      send = listener;
    },
    postMessage: (message) => {
      if (message === 'jest-light-runner-get-worker-data')
        send({ type: 'jest-light-runner-worker-data', workerData });
    },
  };
}

export default class TestRunner extends createRunner({ runtime }) {
  constructor(globalConfig, context) {
    super(globalConfig, context);
    this._testRunners = new Runners(globalConfig);
  }
}
