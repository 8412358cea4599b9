// What the checks have in common: a gateway of their own, tools that run beside them, and
// the tally.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));
/** Where the tools write; it is emptied at the start. */
export const made = `${root}made/`;
const binary = process.argv[2] ?? '';

/** The origin of the page that the clients stand in for. */
export const page = 'https://app.example.com';

let passed = 0;
let failed = 0;

/** Runs one check. Whatever it throws is what is wrong. */
export async function check(name: string, work: () => unknown): Promise<boolean> {
  const began = Date.now();
  try {
    await work();
    passed++;
    console.log(`passed  ${name} (${((Date.now() - began) / 1000).toFixed(1)} s)`);
    return true;
  } catch (problem) {
    failed++;
    const words = problem instanceof Error ? problem.message : String(problem);
    console.log(`FAILED  ${name}\n        ${words.trim().slice(0, 2000).replaceAll('\n', '\n        ')}`);
    return false;
  }
}

/** Prints the tally, and makes it the exit status. */
export function finish() {
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed > 0 ? 1 : 0;
}

export function equal(got: unknown, want: unknown, what: string) {
  if (JSON.stringify(got) !== JSON.stringify(want)) throw new Error(`${what}: ${JSON.stringify(got)}, want ${JSON.stringify(want)}`);
}

export function hold(right: unknown, what: string): asserts right {
  if (!right) throw new Error(what);
}

/** Runs a program of the gateway's to its end. */
export function zoomql(...args: string[]): string {
  const ran = spawnSync(binary, args, { encoding: 'utf8', maxBuffer: 1 << 26, env: {} });
  if (ran.status !== 0) throw new Error(`zoomql ${args.join(' ')}: ${ran.stderr}`);
  return ran.stdout;
}

/** Runs a tool. What it wrote is what is wrong if it does not end well. */
export function tool(command: string[], cwd: string, env: Record<string, string> = {}): string {
  const [name = '', ...args] = command;
  const program = name === 'go' ? name : `${root}node_modules/.bin/${name}`;
  const ran = spawnSync(program, args, { cwd, encoding: 'utf8', maxBuffer: 1 << 26, timeout: 240_000, env: { ...process.env, NO_COLOR: '1', ...env } });
  if (ran.error) throw ran.error;
  if (ran.status !== 0) throw new Error(`${command.join(' ')}\n${(ran.stdout + ran.stderr).slice(-1800)}`);
  return ran.stdout;
}

/** A gateway over its sandbox, on a port that was free. */
export class Gateway {
  private constructor(
    private readonly process: ChildProcess,
    readonly url: string,
    readonly log: string[],
  ) {}

  static start(env: Record<string, string> = {}, args: string[] = []): Promise<Gateway> {
    const process = spawn(binary, args, { env: { ADDR: '127.0.0.1:0', ZOOM_PLAN: 'none', ALLOWED_ORIGINS: page, ...env }, stdio: ['ignore', 'ignore', 'pipe'] });
    const log: string[] = [];
    return new Promise((resolve, reject) => {
      process.on('error', reject);
      process.on('exit', (code) => reject(new Error(`the gateway ended (${code}):\n${log.join('\n')}`)));
      createInterface({ input: process.stderr! }).on('line', (line) => {
        log.push(line);
        const address = /http:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0];
        if (address) resolve(new Gateway(process, `${address}/graphql`, log));
      });
    });
  }

  stop() {
    this.process.removeAllListeners('exit');
    this.process.kill();
  }

  /** Asks without any client's help. */
  async ask(body: object, headers: Record<string, string> = {}): Promise<{ status: number; data?: any; errors?: { message: string; extensions: { code: string } }[] }> {
    const reply = await fetch(this.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/graphql-response+json', ...headers },
      body: JSON.stringify(body),
    });
    return { status: reply.status, ...((await reply.json()) as object) };
  }

  /** A user who has a meeting, and its number. */
  async host(): Promise<{ email: string; number: string }> {
    const { data } = await this.ask({ query: '{ account { users(first: 10) { nodes { email meetings(first: 1) { nodes { number } } } } } }' });
    const user = data.account.users.nodes.find((u: any) => u.meetings?.nodes.length > 0);
    hold(user, 'no user of the sandbox has a meeting');
    return { email: user.email, number: user.meetings.nodes[0].number };
  }
}

/** A folder of its own for what a tool writes. */
export function folder(name: string): string {
  mkdirSync(made + name, { recursive: true });
  return made + name;
}
