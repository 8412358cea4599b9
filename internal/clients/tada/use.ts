import { print } from 'graphql';
import { initGraphQLTada, type ResultOf, type VariablesOf } from 'gql.tada';
import type { introspection } from '../made/tada/graphql-env.d.ts';

const graphql = initGraphQLTada<{ introspection: introspection; scalars: { DateTime: string; MeetingNumber: string } }>();

const Upcoming = graphql(`
  query Upcoming($by: UserBy!) {
    user(by: $by) {
      email
      meetings(first: 3) {
        nodes {
          number
          startTime
        }
      }
    }
  }
`);

const Someone = graphql(`
  {
    account {
      users(first: 1) {
        nodes {
          email
        }
      }
    }
  }
`);

async function ask<Result>(query: string, variables: object): Promise<Result> {
  const reply = await fetch(process.env['GATEWAY_URL'] ?? '', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = (await reply.json()) as { data: Result; errors?: { message: string }[] };
  if (errors) throw new Error(errors[0]?.message);
  return data;
}

const someone = await ask<ResultOf<typeof Someone>>(print(Someone), {});
const email: string | null | undefined = someone.account?.users?.nodes?.[0]?.email;
const variables: VariablesOf<typeof Upcoming> = { by: { email: email ?? '' } };
// @ts-expect-error: a user is not named by a number
const wrong: VariablesOf<typeof Upcoming> = { by: { number: 7 } };
const upcoming = await ask<ResultOf<typeof Upcoming>>(print(Upcoming), variables);
const number: string | undefined = upcoming.user?.meetings?.nodes?.[0]?.number;
if (upcoming.user?.email !== email || wrong === undefined) throw new Error(`another user: ${JSON.stringify(upcoming)} ${number}`);
