// urql: the persisted exchange, and Graphcache with the introspected schema.
import { Client, fetchExchange, gql, type AnyVariables, type Exchange } from '@urql/core';
import { cacheExchange } from '@urql/exchange-graphcache';
import { relayPagination } from '@urql/exchange-graphcache/extras';
import { persistedExchange } from '@urql/exchange-persisted';
import { minifyIntrospectionQuery } from '@urql/introspection';
import { getIntrospectionQuery } from 'graphql';
import { check, equal, hold, type Gateway } from './harness';

async function ask(client: Client, document: any, variables: AnyVariables = {}, context = {}): Promise<any> {
  const { data, error } = await client.query(document, variables, context).toPromise();
  if (error) throw error;
  return data;
}

export async function urqlChecks(gateway: Gateway) {
  for (const method of ['POST', 'GET'] as const) {
    await check(`urql: the persisted exchange by ${method}`, async () => {
      const sent: string[] = [];
      const noting: typeof fetch = (to, init) => (sent.push(decodeURIComponent(String(to)).replaceAll('+', ' ') + String(init?.body ?? '')), fetch(to, init));
      const exchanges: Exchange[] = [persistedExchange({ preferGetForPersistedQueries: method === 'GET' }), fetchExchange];
      const client = new Client({ url: gateway.url, preferGetMethod: false, fetch: noting, exchanges });
      for (let round = 0; round < 2; round++) {
        const data = await ask(client, gql(`query Urql${method} { account { zoomId } }`), {}, { requestPolicy: 'network-only' });
        hold(data.account.zoomId, 'there is no account');
      }
      equal(sent.map((s) => s.includes(`query Urql${method}`)), [false, true, false], 'requests with the query');
    });
  }
  await check('urql: all queries by GET', async () => {
    const client = new Client({ url: gateway.url, preferGetMethod: 'force', exchanges: [fetchExchange] });
    equal(await ask(client, gql`{ __typename }`), { __typename: 'Query' }, 'data');
  });
  await check('urql: Graphcache joins pages, and a write is seen by a query', async () => {
    const { data } = await gateway.ask({ query: getIntrospectionQuery({ descriptions: false }) });
    const cache = cacheExchange({
      schema: minifyIntrospectionQuery(data),
      keys: { PageInfo: () => null },
      resolvers: { Account: { users: relayPagination() } },
    });
    const client = new Client({ url: gateway.url, preferGetMethod: false, exchanges: [cache, fetchExchange] });
    const staff = gql`
      query Staff($after: String) {
        account { __typename id users(first: 3, after: $after) { __typename edges { __typename node { __typename id email } } pageInfo { __typename hasNextPage endCursor } } }
      }
    `;
    const first = await ask(client, staff, {});
    const second = await ask(client, staff, { after: first.account.users.pageInfo.endCursor });
    equal(new Set(second.account.users.edges.map((e: any) => e.node.email)).size, 6, 'people in the cache');
    const { number } = await gateway.host();
    const meeting = gql`query Meeting($by: MeetingBy!) { meeting(by: $by) { __typename id topic } }`;
    await ask(client, meeting, { by: { number } });
    const rename = gql`
      mutation Rename($input: UpdateMeetingInput!) {
        updateMeeting(input: $input) { __typename meeting { __typename id topic } userErrors { __typename code } }
      }
    `;
    const renamed = await client.mutation(rename, { input: { meeting: { number }, patch: { topic: 'Kickoff' } } }).toPromise();
    hold(!renamed.error, String(renamed.error));
    equal((await ask(client, meeting, { by: { number } }, { requestPolicy: 'cache-only' })).meeting.topic, 'Kickoff', 'the topic in the cache');
  });
}
