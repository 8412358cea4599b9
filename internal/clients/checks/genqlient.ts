// genqlient: Go that is generated from the printed schema.
import { spawnSync } from 'node:child_process';
import { check, root, tool, type Gateway } from './harness';

export async function genqlientChecks(gateway: Gateway) {
  const generated = await check('genqlient: generates Go from the printed schema', () => {
    tool(['go', 'tool', 'genqlient', 'genqlient.yaml'], root);
  });
  if (!generated) return;
  await check('genqlient: queries by POST and GET, a write with nulls beside what is set, an error with its code', async () => {
    const { email, number } = await gateway.host();
    const ran = spawnSync('go', ['run', '.', gateway.url, email, number], { cwd: root, encoding: 'utf8', env: process.env });
    if (ran.status !== 0) throw new Error(ran.stderr);
  });
}
