import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { makeFolder, removeFolder } from './folder.js';
import { programPath, type SystemProgram } from './system-programs.js';
import { findFreePort } from './tcp-postgres.js';
import { waitFor } from './wait.js';

/** A load balancer before gateways on loopback ports, with the settings it has by itself. */
export interface HttpProxy {
  readonly url: string;
  readonly port: number;
  /** Leaves nothing behind. */
  stop(): Promise<void>;
}

/** It learns from requests alone which gateways there are: it asks none how it is. */
export const startNginx = (ports: readonly number[]) =>
  start('nginx', ['-e', 'error.log', '-c', 'nginx.conf', '-p', '.'], {
    name: 'nginx.conf',
    text: (port) => `daemon off;
pid nginx.pid;
events {}
http {
  access_log off;
  client_body_temp_path client_body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  upstream gateways {
${ports.map((one) => `    server 127.0.0.1:${one};`).join('\n')}
  }
  server {
    listen 127.0.0.1:${port};
    location / { proxy_pass http://gateways; }
  }
}
`,
  });

/**
 * It asks the gateways for `/readyz`.
 * @param checks how, in its words; as it does by itself when left out
 */
export const startHaproxy = (ports: readonly number[], checks = '') =>
  start('haproxy', ['-db', '-f', 'haproxy.cfg'], {
    name: 'haproxy.cfg',
    text: (port) => `defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend callers
  bind 127.0.0.1:${port}
  default_backend gateways
backend gateways
  option httpchk GET /readyz
${ports.map((one, index) => `  server gateway${index} 127.0.0.1:${one} check ${checks}`).join('\n')}
`,
  });

/**
 * HAProxy before PostgreSQL: of its servers it uses the one that says by HTTP, on a port of its own,
 * that it takes writes; sessions with one that does not any more are ended.
 */
export const startPostgresHaproxy = (
  servers: readonly { readonly port: number; readonly checkPort: number }[],
) =>
  start('haproxy', ['-db', '-f', 'haproxy.cfg'], {
    name: 'haproxy.cfg',
    text: (port) => `defaults
  mode tcp
  timeout connect 2s
  timeout client 1h
  timeout server 1h
frontend gateways
  bind 127.0.0.1:${port}
  default_backend servers
backend servers
  option httpchk GET /primary
  timeout check 3s
  default-server inter 300ms fall 1 rise 1 on-marked-down shutdown-sessions
${servers.map((one, index) => `  server postgres${index} 127.0.0.1:${one.port} check port ${one.checkPort}`).join('\n')}
`,
  });

async function start(
  program: SystemProgram,
  parameters: readonly string[],
  configuration: { readonly name: string; readonly text: (port: number) => string },
): Promise<HttpProxy> {
  const folder = await makeFolder();
  const port = await findFreePort();
  await writeFile(join(folder, configuration.name), configuration.text(port));
  const child = spawn(programPath(program), parameters, { cwd: folder, stdio: 'pipe' });
  let said = '';
  for (const output of [child.stdout, child.stderr])
    output.on('data', (text) => {
      said += text;
    });
  await waitFor(`${program} to listen`, () => {
    if (child.exitCode !== null) throw new Error(`${program} did not start: ${said}`);
    return isListening(port);
  });
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    stop: async () => {
      await end(child);
      await removeFolder(folder);
    },
  };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await waitFor('the proxy to end', () => exited);
}

/** Whether something accepts connections on the loopback port. */
export async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  const outcome = await Promise.race([
    once(socket, 'connect').then(() => true),
    once(socket, 'error').then(() => false),
  ]).catch(() => false);
  socket.destroy();
  return outcome;
}
