// Apollo Client 4: pages, hashes instead of queries, a name, @defer, and files.
import { createHash } from 'node:crypto';
import { ApolloClient, ApolloLink, CombinedGraphQLErrors, HttpLink, InMemoryCache, gql } from '@apollo/client';
import { Defer20220824Handler } from '@apollo/client/incremental';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { relayStylePagination } from '@apollo/client/utilities';
import UploadHttpLink from 'apollo-upload-client/UploadHttpLink.mjs';
import { filter, firstValueFrom } from 'rxjs';
import { check, equal, hold, type Gateway } from './harness';

const STAFF = gql`
  query Staff($after: String) {
    account {
      id
      users(first: 3, after: $after) {
        edges {
          node {
            id
            email
          }
        }
        pageInfo {
          hasNextPage
          endCursor
        }
      }
    }
  }
`;

/** A client whose requests are noted. */
export function apolloClient(url: string, more: { before?: ApolloLink; http?: object; client?: object } = {}) {
  const sent: { url: string; method: string; headers: Headers; body: string }[] = [];
  const noting: typeof fetch = (to, init) => {
    sent.push({ url: String(to), method: init?.method ?? 'GET', headers: new Headers(init?.headers), body: String(init?.body ?? '') });
    return fetch(to, init);
  };
  const http = new HttpLink({ uri: url, fetch: noting, ...more.http });
  const cache = new InMemoryCache({ typePolicies: { Account: { fields: { users: relayStylePagination() } } } });
  return { sent, client: new ApolloClient({ link: more.before ? more.before.concat(http) : http, cache, ...more.client }) };
}

export async function apolloChecks(gateway: Gateway) {
  await check('Apollo Client: fetchMore adds the next page', async () => {
    const { client } = apolloClient(gateway.url);
    const query = client.watchQuery<any>({ query: STAFF });
    const watching = query.subscribe(() => {});
    const first = (await firstValueFrom(query.pipe(filter((result) => !result.loading)))).data;
    await query.fetchMore({ variables: { after: first.account.users.pageInfo.endCursor } });
    const all = client.readQuery<any>({ query: STAFF })!;
    watching.unsubscribe();
    equal(new Set(all.account.users.edges.map((e: any) => e.node.email)).size, 6, 'people in the cache');
  });
  for (const byGet of [false, true]) {
    await check(`Apollo Client: automatic persisted queries by ${byGet ? 'GET' : 'POST'}`, async () => {
      // A document of its own, so that the gateway does not know it yet.
      const query = gql(`query Persisted${byGet ? 'Get' : 'Post'} { account { zoomId } }`);
      const hashes = new PersistedQueryLink({ sha256: (text: string) => createHash('sha256').update(text).digest('hex'), useGETForHashedQueries: byGet });
      const { client, sent } = apolloClient(gateway.url, { before: hashes });
      for (let round = 0; round < 2; round++) {
        const { data } = await client.query<any>({ query, fetchPolicy: 'network-only' });
        hold(data.account.zoomId, 'there is no account');
      }
      equal(sent.map((s) => (decodeURIComponent(s.url) + s.body).includes('query Persisted')), [false, true, false], 'requests with the query');
      equal(sent[0]!.method, byGet ? 'GET' : 'POST', 'the method');
    });
  }
  await check('Apollo Client: queries by GET', async () => {
    const { client, sent } = apolloClient(gateway.url, { http: { useGETForQueries: true } });
    const { data } = await client.query<any>({ query: STAFF });
    equal([sent[0]!.method, data.account.users.edges.length], ['GET', 3], 'the method, and people');
  });
  await check('Apollo Client: what @defer asks for comes', async () => {
    const { client } = apolloClient(gateway.url, { client: { incrementalHandler: new Defer20220824Handler() } });
    const { data } = await client.query<any>({ query: gql`query Deferred { account { zoomId ... @defer { users(first: 2) { nodes { email } } } } }` });
    equal(data.account.users.nodes.length, 2, 'people that were deferred');
  });
  await check('Apollo Client: an error has its code', async () => {
    const { client } = apolloClient(gateway.url);
    const problem = await client.query({ query: gql`query Nobody { node(id: "nobody") { id } }` }).catch((e: unknown) => e);
    hold(CombinedGraphQLErrors.is(problem), `not an error of GraphQL: ${String(problem)}`);
    equal(problem.errors[0]!.extensions?.code, 'BAD_USER_INPUT', 'the code');
  });
  await check('Apollo Client: two writes of one document leave what the second one made', async () => {
    const { number } = await gateway.host();
    const { client } = apolloClient(gateway.url);
    const mutation = gql`
      mutation Twice($by: MeetingBy!) {
        first: updateMeeting(input: { meeting: $by, patch: { agenda: "One" } }) { meeting { id agenda } }
        second: updateMeeting(input: { meeting: $by, patch: { agenda: "Two" } }) { meeting { id agenda } }
      }
    `;
    const { data } = await client.mutate<any>({ mutation, variables: { by: { number } } });
    equal((client.cache.extract() as any)[`Meeting:${data.second.meeting.id}`].agenda, 'Two', 'what the cache holds');
  });
  await check('Apollo Client: a file is uploaded', async () => {
    const link = new (UploadHttpLink as any)({ uri: gateway.url, headers: { 'Apollo-Require-Preflight': 'true' } });
    const client = new ApolloClient({ link, cache: new InMemoryCache() });
    const pixel = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');
    const mutation = gql`mutation Background($file: Upload!) { uploadVirtualBackground(input: { file: $file }) { file { name } userErrors { message } } }`;
    const { data } = await client.mutate<any>({ mutation, variables: { file: new File([pixel], 'pixel.png', { type: 'image/png' }) } });
    equal([data.uploadVirtualBackground.file?.name, data.uploadVirtualBackground.userErrors], ['pixel.png', []], 'the file, and errors');
  });
}
