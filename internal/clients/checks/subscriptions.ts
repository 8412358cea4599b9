// Subscriptions: graphql-ws, graphql-sse in both modes, and Apollo Client, all of which follow
// a meeting that the sandbox holds.
import { createHash } from 'node:crypto';
import { ApolloClient, HttpLink, InMemoryCache, gql } from '@apollo/client';
import { createClient as createSSE } from 'graphql-sse';
import { createClient as createWS } from 'graphql-ws';
import WebSocket from 'ws';
import { Gateway, check, equal, hold, page } from './harness';

const key = 'a-key';

type Item = { count: number; live: boolean; joined: { name: string }[]; left: { name: string }[] };

/** What a client has seen of a roster. */
class Seen {
  items: Item[] = [];
  over: Promise<void>;
  private end!: (problem?: unknown) => void;
  constructor(readonly name: string) {
    this.over = new Promise((resolve, reject) => (this.end = (problem) => (problem ? reject(problem) : resolve())));
  }
  next(result: any) {
    if (result.errors?.length) return this.fail(result.errors[0]);
    const item: Item = result.data.participants;
    this.items.push(item);
    if (this.items.some((i) => i.live) && !item.live) this.end();
  }
  fail(problem: unknown) {
    this.end(problem instanceof Error ? problem : new Error(JSON.stringify(problem)));
  }
  /** Whoever has come has left, and somebody has come. */
  whole() {
    const came = this.items.flatMap((i) => i.joined.map((p) => p.name)).sort();
    const left = this.items.flatMap((i) => i.left.map((p) => p.name)).sort();
    hold(came.length > 2, `${this.name}: ${came.length} have come`);
    equal(left, came, `${this.name}: who has left`);
    equal(this.items.at(-1)!.count, 0, `${this.name}: who is there in the end`);
  }
}

export async function subscriptionChecks() {
  const box = await Gateway.start({}, ['sandbox', '--speed', '600', '--unruly', '0']);
  const at = new URL(box.url).origin;
  const until = Date.now() + 60_000;
  while (!box.log.some((line) => line.includes('the large meeting'))) {
    hold(Date.now() < until, 'the sandbox names its meetings');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const account = Object.fromEntries([...box.log.join('\n').matchAll(/(ZOOM_[A-Z_]+)='?([^\s']+)/g)].map((m) => [m[1]!, m[2]!]));
  const gateway = await Gateway.start({ ...account, ZOOM_PLAN: 'business', ZOOM_WEBHOOK_SECRETS: 'sandboxWebhookSecret', API_KEYS: `page:${createHash('sha256').update(key).digest('hex')}` });
  try {
    await followed(gateway, at, /the meeting (\d+)/.exec(box.log.join('\n'))![1]!);
  } finally {
    gateway.stop();
    box.stop();
  }
}

async function followed(gateway: Gateway, box: string, number: string) {
  const headers = { authorization: `Bearer ${key}` };
  const query = `subscription Roster($meeting: MeetingBy!) { participants(meeting: $meeting) { count live joined { name } left { name } } }`;
  const variables = { meeting: { number } };
  const socketURL = gateway.url.replace('http', 'ws');

  const over: Record<string, Seen> = {};
  const stops: (() => unknown)[] = [];
  const follow = (name: string, begin: (seen: Seen) => () => unknown) => {
    over[name] = new Seen(name);
    stops.push(begin(over[name]));
  };
  follow('graphql-ws', (seen) => {
    const client = createWS({ url: socketURL, webSocketImpl: WebSocket, connectionParams: { Authorization: `Bearer ${key}` }, retryAttempts: 0 });
    client.subscribe({ query, variables }, { next: (r) => seen.next(r), error: (e) => seen.fail(e), complete: () => {} });
    return () => void client.dispose();
  });
  for (const singleConnection of [false, true]) {
    follow(`graphql-sse, ${singleConnection ? 'single connection' : 'distinct connections'}`, (seen) => {
      const client = createSSE({ url: gateway.url, singleConnection, headers, retryAttempts: 0 });
      const unsubscribe = client.subscribe({ query, variables }, { next: (r) => seen.next(r), error: (e) => seen.fail(e), complete: () => {} });
      return async () => {
        unsubscribe();
        await new Promise((resolve) => setTimeout(resolve, 500)); // it says so to the gateway
        client.dispose();
      };
    });
  }
  follow('Apollo Client', (seen) => {
    const client = new ApolloClient({ link: new HttpLink({ uri: gateway.url, headers }), cache: new InMemoryCache() });
    const watching = client.subscribe({ query: gql(query), variables, fetchPolicy: 'no-cache' }).subscribe({
      next: (r: any) => (r.error ? seen.fail(r.error) : seen.next(r)),
      error: (e: unknown) => seen.fail(e),
    });
    return () => watching.unsubscribe();
  });
  try {
    for (const name of Object.keys(over)) {
      await check(`${name}: a subscription begins`, () => until(over[name]!, () => over[name]!.items.length > 0));
    }
    const held = await fetch(`${box}/sandbox/hold?meeting=${number}&webhooks=${encodeURIComponent(gateway.url.replace('/graphql', '/webhooks/zoom'))}`, { method: 'POST' });
    hold(held.ok, await held.text());
    for (const name of Object.keys(over)) {
      await check(`${name}: who comes and who leaves, to the end of a meeting`, async () => {
        await until(over[name]!, () => false);
        over[name]!.whole();
      });
    }
  } finally {
    for (const stop of stops) await stop();
  }
  await check('graphql-ws: a wrong key is told', async () => {
    const client = createWS({ url: socketURL, webSocketImpl: WebSocket, connectionParams: { Authorization: 'Bearer wrong' }, retryAttempts: 0, lazy: true });
    const problem: any = await new Promise((resolve) => client.subscribe({ query, variables }, { next: resolve, error: resolve, complete: () => resolve(null) }));
    equal(problem?.code, 4401, 'the code');
  });
  await check('graphql-ws: queries and mutations go the same way', async () => {
    const client = createWS({ url: socketURL, webSocketImpl: WebSocket, connectionParams: { headers: { Authorization: `Bearer ${key}` } }, retryAttempts: 0 });
    const once = (text: string) => new Promise<any>((resolve, reject) => client.subscribe({ query: text }, { next: resolve, error: reject, complete: () => {} }));
    hold((await once('{ account { zoomId } }')).data.account.zoomId, 'there is no account');
    const renamed = await once(`mutation { updateMeeting(input: { meeting: { number: "${number}" }, patch: { topic: "Over a socket" } }) { meeting { topic } } }`);
    equal(renamed.data.updateMeeting.meeting.topic, 'Over a socket', 'the topic');
    await client.dispose();
  });
  await check('a page of another site opens no socket', async () => {
    const refused = (origin: string) =>
      new Promise((resolve) => {
        const socket = new WebSocket(socketURL, 'graphql-transport-ws', { origin });
        socket.on('open', () => (socket.close(), resolve(101)));
        socket.on('unexpected-response', (_, reply) => resolve(reply.statusCode));
        socket.on('error', () => {});
      });
    equal([await refused('https://evil.example.com'), await refused(page)], [403, 101], 'the statuses');
  });
}

/** Waits until something is so, or the meeting is over, for two minutes at most. */
async function until(seen: Seen, so: () => boolean) {
  const late = Date.now() + 120_000;
  let over = false;
  const ended = seen.over.then(() => (over = true));
  while (!so() && !over) {
    hold(Date.now() < late, `${seen.name} has seen ${seen.items.length} items`);
    await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 50))]);
  }
}
