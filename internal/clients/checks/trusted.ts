// Documents by id: manifests as relay-compiler, graphql-codegen and Apollo write them, and a
// gateway that executes no others.
import { existsSync, readFileSync } from 'node:fs';
import { gql } from '@apollo/client';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { generatePersistedQueryIdsFromManifest } from '@apollo/persisted-query-lists';
import { Client, fetchExchange } from '@urql/core';
import { fetchQuery } from 'relay-runtime';
import { apolloClient } from './apollo';
import { Gateway, check, equal, folder, hold, made, root, tool } from './harness';
import { artifact, relayEnvironment, relayManifest } from './relay';

export async function trustedChecks() {
  const codegenManifest = `${made}codegen/persisted-documents.json`;
  const apolloManifest = `${made}apollo/manifest.json`;
  folder('apollo');
  await check("Apollo's generate-persisted-query-manifest makes a manifest", () => tool(['generate-persisted-query-manifest', '--config', 'persisted-query-manifest.config.cjs'], `${root}apollo`));
  const manifests = [relayManifest, codegenManifest, apolloManifest];
  let gateway!: Gateway;
  const started = await check('the gateway takes the manifests of relay-compiler, graphql-codegen and Apollo', async () => {
    equal(manifests.filter((file) => !existsSync(file)), [], 'manifests that are missing');
    gateway = await Gateway.start({ TRUSTED_DOCUMENTS: manifests.join(','), TRUSTED_ONLY: 'on' });
  });
  if (!started) return;
  try {
    await check('a document that is in no manifest is refused', async () => {
      const { status, errors } = await gateway.ask({ query: '{ account { zoomId } }' });
      equal([status, errors?.[0]?.extensions.code], [400, 'DOCUMENT_NOT_TRUSTED'], 'the status, and the code');
    });
    await check('relay-runtime: a query by its id alone', async () => {
      const environment = relayEnvironment(({ id }, variables) => gateway.ask({ documentId: id, variables }));
      const data: any = await fetchQuery(environment, await artifact('StaffQuery'), {}).toPromise();
      hold(data.account, 'there is no account');
    });
    await check('graphql-codegen: documents by their hashes, as documentId and as Apollo sends them', async () => {
      const documents = Object.entries(JSON.parse(readFileSync(codegenManifest, 'utf8')) as Record<string, string>);
      const hash = documents.find(([, text]) => text.includes('query Staff'))![0].replace('sha256:', '');
      for (const named of [{ documentId: hash }, { documentId: `sha256:${hash}` }, { extensions: { persistedQuery: { version: 1, sha256Hash: hash } } }]) {
        const { data, errors } = await gateway.ask({ ...named, variables: { withMeetings: false } });
        equal([errors, data?.account.users.nodes.length], [undefined, 5], 'errors, and people');
      }
    });
    await check('urql: a document that has an id and nothing else', async () => {
      const documents = Object.entries(JSON.parse(readFileSync(relayManifest, 'utf8')) as Record<string, string>);
      const documentId = documents.find(([, text]) => text.includes('query StaffQuery'))![0];
      const client = new Client({ url: gateway.url, preferGetMethod: false, exchanges: [fetchExchange] });
      process.env.NODE_ENV = 'production'; // otherwise it looks for an operation in the document
      const { data, error } = await client.query({ kind: 'Document', definitions: [], documentId } as any, {}).toPromise();
      hold(!error && data.account, String(error));
    });
    await check('Apollo Client: a query by the id of its manifest', async () => {
      const link = new PersistedQueryLink(generatePersistedQueryIdsFromManifest({ loadManifest: async () => JSON.parse(readFileSync(apolloManifest, 'utf8')) }) as any);
      const { client, sent } = apolloClient(gateway.url, { before: link });
      const { data } = await client.query<any>({ query: gql(readFileSync(`${root}apollo/Overview.graphql`, 'utf8')) });
      hold(data.account.zoomId, 'there is no account');
      equal(sent.map((s) => s.body.includes('query Overview')), [false], 'requests with the query');
    });
  } finally {
    gateway.stop();
  }
  await check('a manifest that asks for what the schema does not have is refused at the start', async () => {
    const problem = await Gateway.start({ TRUSTED_DOCUMENTS: `${root}apollo/wrong.json` }).then((g) => g.stop(), (e: Error) => e.message);
    hold(String(problem).includes('Cannot query field "nothing" on type "Account"'), String(problem));
  });
}
