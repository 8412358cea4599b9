// Runs graphql-http's audit of a GraphQL over HTTP server against the URL that is
// given, and writes one line of JSON an audit: id, name, status, reason.
import { serverAudits } from 'graphql-http';

const audits = serverAudits({ url: process.argv[2], fetchFn: fetch });
for (const audit of audits) {
  const { status, reason = '' } = await audit.fn();
  console.log(JSON.stringify({ id: audit.id, name: audit.name, status, reason: String(reason) }));
}
