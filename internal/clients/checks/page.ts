// What a browser asks for a page of an allowed origin, with the headers that clients put on.
import { gql } from '@apollo/client';
import { apolloClient } from './apollo';
import { check, equal, hold, page, type Gateway } from './harness';

const safelisted = ['accept', 'accept-language', 'content-language'];

export async function pageChecks(gateway: Gateway) {
  await check('a page: the browser may send what a named Apollo Client and OpenTelemetry put on', async () => {
    const { client, sent } = apolloClient(gateway.url, { client: { clientAwareness: { name: 'page', version: '2.1' } } });
    await client.query({ query: gql`query Named { account { zoomId } }` });
    const names = [...sent[0]!.headers.keys()].filter((name) => !safelisted.includes(name));
    hold(names.includes('apollographql-client-name'), `Apollo Client sent ${names.join()}`);
    const preflight = await fetch(gateway.url, {
      method: 'OPTIONS',
      headers: { origin: page, 'access-control-request-method': 'POST', 'access-control-request-headers': [...names, 'traceparent', 'tracestate', 'baggage'].sort().join(',') },
    });
    const allowed = (preflight.headers.get('access-control-allow-headers') ?? '').toLowerCase().split(/, */);
    equal(names.filter((name) => !allowed.includes(name)), [], 'headers that the browser would not send');
    equal(['traceparent', 'tracestate', 'baggage'].filter((name) => !allowed.includes(name)), [], 'headers of tracing that it would not send');
    equal(preflight.headers.get('access-control-allow-origin'), page, 'the origin');
  });
  await check('a page: it may read the answer, its ETag, and when to come back', async () => {
    const address = `${gateway.url}?query=${encodeURIComponent('{ account { users(first: 30) { nodes { email } } } }')}`;
    await fetch(address);
    const reply = await fetch(address, { headers: { origin: page } });
    equal(reply.headers.get('access-control-allow-origin'), page, 'the origin');
    hold(/\borigin\b/i.test(reply.headers.get('vary') ?? ''), `Vary: ${reply.headers.get('vary')}`);
    const exposed = (reply.headers.get('access-control-expose-headers') ?? '').toLowerCase();
    hold(exposed.includes('etag') && exposed.includes('retry-after'), `exposed: ${exposed}`);
    const again = await fetch(address, { headers: { origin: page, 'if-none-match': reply.headers.get('etag') ?? '' } });
    equal(again.status, 304, 'the status of the same question with the ETag');
  });
  await check('a page of another site is refused', async () => {
    const reply = await fetch(`${gateway.url}?query=%7B__typename%7D`, { headers: { origin: 'https://elsewhere.example' } });
    equal([reply.status, reply.headers.get('access-control-allow-origin')], [403, null], 'the status, and the origin');
  });
}
