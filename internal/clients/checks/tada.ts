// gql.tada: types are inferred from the documents, by the printed schema.
import { check, folder, root, tool, type Gateway } from './harness';

export async function tadaChecks(gateway: Gateway) {
  folder('tada');
  const dir = `${root}tada`;
  const made = await check('gql.tada: reads the printed schema', () => tool(['gql.tada', 'generate-output'], dir));
  if (!made) return;
  await check('gql.tada: tsc --strict infers what documents bring', () => tool(['tsc', '--project', 'tsconfig.json'], dir));
  await check('gql.tada: the documents run', () => tool(['tsx', 'use.ts'], dir, { GATEWAY_URL: gateway.url }));
}
