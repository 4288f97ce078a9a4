/** The package has no declarations. */
declare module 'jq-web' {
  interface Jq {
    /** `undefined`: it makes nothing. @throws Error that is what jq writes to its standard error */
    raw(json: string, program: string, flags?: readonly string[]): string | undefined;
  }
  const loading: Promise<Jq>;
  export default loading;
}
