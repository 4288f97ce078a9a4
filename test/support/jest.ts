/**
 * Jest's functions, with their types. They are globals here: `@jest/globals` works in Jest's own
 * runner alone, which loads every module again for each test file.
 */
import type * as globals from '@jest/globals';

export const { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest, test } =
  globalThis as unknown as typeof globals;
