// GraphQL over HTTP, by the audit of graphql-http.
import { serverAudits } from 'graphql-http';
import { check, type Gateway } from './harness';

export async function auditChecks(gateway: Gateway) {
  const audits = serverAudits({ url: gateway.url, fetchFn: fetch });
  await check(`graphql-http: all ${audits.length} audits`, async () => {
    const problems: string[] = [];
    for (const audit of audits) {
      const result = await audit.fn();
      if (result.status !== 'ok') problems.push(`${audit.id} ${audit.name}: ${result.reason}`);
    }
    if (problems.length > 0) throw new Error(problems.join('\n'));
  });
}
