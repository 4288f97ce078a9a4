const MAX_LENGTH = 100;
/** Controls, and what no reader sees. */
const INVISIBLE = /[\p{C}\p{Default_Ignorable_Code_Point}]/gu;

/**
 * The assistant that sends a request, as it names itself in `Rollcall-Agent`, where other characters
 * than ASCII's are percent-encoded. It is a hint beside the key, and proves nothing.
 */
export function agentNameOf(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  const name = decoded(header).toWellFormed().replace(INVISIBLE, '').trim().slice(0, MAX_LENGTH);
  return name === '' ? undefined : name.toWellFormed();
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
