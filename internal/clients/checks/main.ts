// Runs real clients and tools against a gateway: main.ts BINARY. A line a check, and the
// exit status 1 if one failed.
import { rmSync, writeFileSync } from 'node:fs';
import { Gateway, finish, folder, made, root, zoomql } from './harness';
import { apolloChecks } from './apollo';
import { auditChecks } from './audit';
import { codegenChecks } from './codegen';
import { genqlientChecks } from './genqlient';
import { pageChecks } from './page';
import { relayChecks } from './relay';
import { schemaChecks } from './schema';
import { subscriptionChecks } from './subscriptions';
import { tadaChecks } from './tada';
import { trustedChecks } from './trusted';
import { urqlChecks } from './urql';

rmSync(made, { recursive: true, force: true });
folder('.');
writeFileSync(`${made}schema.graphql`, zoomql('schema'));
process.chdir(root);

const gateway = await Gateway.start();
try {
  await auditChecks(gateway);
  await schemaChecks(gateway);
  await relayChecks(gateway);
  await codegenChecks(gateway);
  await tadaChecks(gateway);
  await genqlientChecks(gateway);
  await apolloChecks(gateway);
  await urqlChecks(gateway);
  await pageChecks(gateway);
} finally {
  gateway.stop();
}
await trustedChecks();
await subscriptionChecks();
finish();
