import type { DegradedField } from '../providers/index.js';
import { MAX_LISTED } from './sweeps.schema.js';

/** A field that could not be read, of how many accounts, and what it held in one of them. */
export interface DegradedFieldCount extends DegradedField {
  readonly count: number;
}

/** Providers have far fewer fields; names that are no field's are not counted on. */
const MAX_FIELDS = MAX_LISTED;

/** Counts the fields that a sweep could not read. */
export class DegradedFields {
  private readonly counts = new Map<string, { count: number; readonly example: string }>();

  add(degraded: readonly DegradedField[]): void {
    for (const { field, example } of degraded) {
      const known = this.counts.get(field);
      if (known) known.count += 1;
      else if (this.counts.size < MAX_FIELDS) this.counts.set(field, { count: 1, example });
    }
  }

  /** The most frequent first. */
  get all(): readonly DegradedFieldCount[] {
    return [...this.counts]
      .map(([field, { count, example }]) => ({ field, count, example }))
      .sort((one, other) => other.count - one.count || (one.field < other.field ? -1 : 1));
  }
}
