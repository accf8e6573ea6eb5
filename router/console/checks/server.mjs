// A real server under the pages: one process, or a whole cluster, over the small real data set of the tests.
import { spawn, execFile } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { until } from './until.mjs';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const program = process.env.ANNULI_PROGRAM ?? resolve(root, process.env.CARGO_TARGET_DIR ?? 'target', 'debug/annuli');
const data = join(root, 'tests/data/debian-packages');
const run = promisify(execFile);
/** What the checks are told is not for the program. */
const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('ANNULI_')));

/** `annuli serve`, or what `args` make of it, with the packages in an index. */
export function start(...args) {
  return begun(args.length > 0 ? args : ['serve', '--shards', '2']);
}

/** `annuli serve` that asks for one of these keys, and whose helper here has the second. */
export function startWithKeys({ read, admin }) {
  return begun(['serve', '--shards', '2'], { ANNULI_API_KEY_READ: read, ANNULI_API_KEY_ADMIN: admin, ANNULI_API_KEY: admin });
}

async function begun(args, keys = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'annuli-console-'));
  const server = new Server(folder, args, await freePort(), { ...env, ...keys });
  await server.begin();
  return server;
}

export function startCluster() {
  return start('cluster', 'up', '--shards', '2', '--replicas', '2', '--routers', '2', '--dump-every', 'never');
}

class Server {
  constructor(folder, args, port, env) {
    Object.assign(this, { folder, args, url: `http://127.0.0.1:${port}`, port, env });
  }

  async begin() {
    const args = [...this.args, '--workspace', join(this.folder, 'workspace'), '--listen', `127.0.0.1:${this.port}`, '--log', 'warn'];
    this.process = spawn(program, args, { stdio: 'inherit', detached: true, env: this.env });
    await until('the server is ready', async () => (await fetch(`${this.url}/readyz`)).ok);
  }

  async import(index) {
    const args = [join(data, 'vectors.npy'), '--index', index, '--metric', 'cosine', '--metadata', join(data, 'documents.jsonl'), '--url', this.url];
    await until('the packages are imported', () => run(program, ['import', ...args], { env: this.env }));
  }

  async get(path) {
    return (await fetch(this.url + path)).json();
  }

  async post(path, body) {
    return (await fetch(this.url + path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })).json();
  }

  /** The process that is asked at `address`; of a cluster on this machine. */
  async pidAt(address) {
    const port = Number(address.split(':').at(-1)).toString(16).toUpperCase().padStart(4, '0');
    const sockets = (await readFile('/proc/net/tcp', 'utf8')).split('\n').map((line) => line.trim().split(/\s+/));
    const inode = sockets.find((socket) => socket[1]?.endsWith(`:${port}`) && socket[3] === '0A')?.[9];
    for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
      const { stdout } = await run('readlink', (await readdir(`/proc/${pid}/fd`).catch(() => [])).map((fd) => `/proc/${pid}/fd/${fd}`)).catch((error) => error);
      if (stdout?.split('\n').includes(`socket:[${inode}]`)) return Number(pid);
    }
    throw new Error(`nobody listens at ${address}`);
  }

  async stop() {
    const ended = new Promise((resolve) => this.process.once('exit', resolve));
    this.process.kill('SIGTERM');
    await ended;
  }

  async end() {
    if (this.process.exitCode === null) await this.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
