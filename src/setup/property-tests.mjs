/** How fast-check reports, in each process that runs tests: with the error that made a property fail. */
import fc from 'fast-check';

fc.configureGlobal({ includeErrorInReport: true });
