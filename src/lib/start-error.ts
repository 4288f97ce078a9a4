/**
 * Why the gateway cannot start, as one line for the operator: it names the variable or folder to
 * change and never holds a credential. The process prints the message alone and exits with code 1.
 */
export class StartError extends Error {
  override readonly name = 'StartError';
}
