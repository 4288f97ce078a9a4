/** Runs each test file in one of a few processes, with jest-light-runner. */
import { createRunner } from 'jest-light-runner';
import { STRAY_ERROR, strayErrors } from './stray-errors.mjs';

const runtime = 'child_process';

/**
 * jest-light-runner 0.7 tells all processes their settings when the first one asks. One that does not
 * listen yet misses them, is not told again, and waits for ever; so each is told here when it asks.
 */
class Runners extends Map {
  constructor(runner) {
    super();
    this.runner = runner;
  }

  set(projectConfig, { pool, run }) {
    const { _runtime, _globalConfig: globalConfig } = this.runner;
    if (_runtime !== runtime)
      return super.set(projectConfig, {
        pool,
        run: async (test) => withStrayErrors(await run(test), strayErrors.splice(0)),
      });
    const workerData = { globalConfig, projectConfig, runtime };
    return super.set(projectConfig, {
      pool,
      run: async ({ path }) => {
        const processes = pool.threads.map(({ process }) => process);
        const channel = channelTo(workerData);
        try {
          const result = await pool.run(path, { channel });
          return withStrayErrors(result, channel.end());
        } catch (error) {
          const ends = processes.map(({ signalCode, exitCode }) => signalCode ?? exitCode);
          error.message += ` (${ends.filter((end) => end !== null)})`;
          throw error;
        }
      },
    });
  }
}

/** Between this process and the one that runs a file. */
function channelTo(workerData) {
  let send;
  let errors = [];
  return {
    onMessage: (listener) => {
      send = listener;
    },
    postMessage: (message) => {
      if (message === 'jest-light-runner-get-worker-data')
        send({ type: 'jest-light-runner-worker-data', workerData });
      if (message.type === STRAY_ERROR) errors.push(message.text);
    },
    /** @returns the errors of the file; those that come later are nobody's */
    end: () => {
      const ofFile = errors;
      errors = strayErrors;
      return ofFile;
    },
  };
}

/** A file's result with one failed test more for each error that it left. */
function withStrayErrors(result, errors) {
  const title = 'leaves no error that nothing waits for';
  const failed = errors.map((text) => ({
    ...{ ancestorTitles: [], title, fullName: title, status: 'failed' },
    ...{ duration: 0, numPassingAsserts: 0, failureMessages: [text] },
  }));
  return {
    ...result,
    failureMessage: [result.failureMessage, ...errors.map((text) => `${title}\n${text}`)].join(
      '\n',
    ),
    numFailingTests: result.numFailingTests + errors.length,
    testResults: [...result.testResults, ...failed],
  };
}

export default class TestRunner extends createRunner({ runtime }) {
  constructor(globalConfig, context) {
    super(globalConfig, context);
    this._testRunners = new Runners(this);
  }

  /** Begins no more processes than there are files: each takes a second of a processor to begin. */
  runTests(tests, ...more) {
    const maxWorkers = Math.min(this._globalConfig.maxWorkers, tests.length);
    this._globalConfig = { ...this._globalConfig, maxWorkers };
    return super.runTests(tests, ...more);
  }
}
