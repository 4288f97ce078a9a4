/** What a tab shows, as a request and as a command. */
export interface ShownCall {
  readonly title: string;
  readonly method: 'GET' | 'POST';
  /** With its query. */
  readonly path: string;
  readonly body?: object;
  readonly command: string;
}

/** What the panel of an account shows and offers. */
export function callsOf(id: string): readonly ShownCall[] {
  const get = (title: string, path: string, command: string) =>
    ({ title, method: 'GET', path, command }) as const;
  return [
    get('The account', `/v1/accounts/${id}`, `rollcall accounts get ${id}`),
    get('Its health', `/v1/accounts/${id}/health`, `rollcall accounts health ${id}`),
    get('Its figures over time', `/v1/accounts/${id}/metrics`, `rollcall accounts metrics ${id}`),
    get(
      'Its events, newest first',
      `/v1/events?account_id=${id}&order_direction=desc`,
      `rollcall events list --account-id ${id} --order-direction desc`,
    ),
    get('Who did what to it', `/v1/audit?target_id=${id}`, `rollcall audit list --target-id ${id}`),
    get(
      'What its provider said of it',
      `/v1/accounts/${id}?include=remote_data`,
      `rollcall accounts get ${id} --include remote_data --json`,
    ),
    {
      title: 'Check it now',
      method: 'POST',
      path: `/v1/accounts/${id}/probe`,
      command: `rollcall accounts probe ${id}`,
    },
    {
      title: 'What a disconnect would do',
      method: 'POST',
      path: '/v1/disconnects',
      body: { account_ids: [id], dry_run: true },
      command: `rollcall disconnects plan ${id}`,
    },
  ];
}

/** The request as a line for a shell. */
export function curlOf({ method, path, body }: ShownCall, origin: string): string {
  return [
    `curl -s ${method === 'POST' && body === undefined ? '-X POST ' : ''}'${origin}${path}'`,
    `-H "Authorization: Bearer $ROLLCALL_KEY"`,
    ...(body === undefined
      ? []
      : [`-H 'Content-Type: application/json'`, `-d '${JSON.stringify(body)}'`]),
  ].join(' \\\n  ');
}
