/**
 * The expositions of several processes as one: a metric stands in it once, with the samples of all.
 * @param texts in which samples have a label that tells the processes apart
 */
export function mergeExpositions(texts: readonly string[]): string {
  const families = new Map<string, string[]>();
  for (const block of texts.flatMap((text) => text.split(/^(?=# HELP )/m))) {
    const [help = '', type = '', ...samples] = block.split('\n').filter((line) => line !== '');
    if (help === '') continue;
    const head = `${help}\n${type}`;
    const known = families.get(head);
    if (known === undefined) families.set(head, samples);
    else known.push(...samples);
  }
  return [...families].map(([head, samples]) => `${[head, ...samples].join('\n')}\n`).join('\n');
}
