// graphql-codegen's client preset, which loads the schema by the gateway's address.
import { check, folder, root, tool, type Gateway } from './harness';

export async function codegenChecks(gateway: Gateway) {
  folder('codegen');
  const env = { GATEWAY_URL: gateway.url };
  const generated = await check('graphql-codegen: the client preset makes types of the gateway', () => tool(['graphql-codegen', '--config', 'codegen.ts'], `${root}codegen`, env));
  if (!generated) return;
  await check('graphql-codegen: tsc --strict takes what was made, and its use', () => tool(['tsc', '--project', 'tsconfig.json'], `${root}codegen`));
  await check('graphql-codegen: a query, a fragment and a mutation run', async () => tool(['tsx', 'use.ts'], `${root}codegen`, { ...env, ...(await gateway.host()) }));
}
