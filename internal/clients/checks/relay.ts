// Relay: its compiler on the printed schema, and what that made in relay-runtime.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import RelayRuntime from 'relay-runtime';
import { check, equal, folder, hold, made, root, tool, type Gateway } from './harness';

const { Environment, Network, RecordSource, Store, ConnectionHandler, commitLocalUpdate, commitMutation, fetchQuery } = RelayRuntime as any;

/** Where the compiler puts the manifest of the documents. */
export const relayManifest = `${made}relay/persisted.json`;

export async function artifact(name: string): Promise<any> {
  const module = await import(`${root}relay/__generated__/${name}.graphql.ts`);
  return module.default?.default ?? module.default;
}

export function relayEnvironment(send: (request: { id: string; text: string; name: string }, variables: object) => Promise<object>) {
  return new Environment({ store: new Store(new RecordSource()), network: Network.create(send) });
}

export async function relayChecks(gateway: Gateway) {
  folder('relay');
  writeFileSync(relayManifest, '{}');
  // The compiler makes no folder, and notes in the manifest only what it writes anew.
  rmSync(`${root}relay/__generated__`, { recursive: true, force: true });
  mkdirSync(`${root}relay/__generated__`);
  const compiled = await check('relay-compiler takes the printed schema', () => {
    tool(['relay-compiler', 'relay.config.json'], `${root}relay`);
    hold(Object.keys(JSON.parse(readFileSync(relayManifest, 'utf8'))).length >= 4, 'the manifest has not all documents');
  });
  if (!compiled) return;
  const { email, number } = await gateway.host();
  const environment = relayEnvironment(({ text, name }, variables) => gateway.ask({ query: text, operationName: name, variables }));
  const edges = (account: string) => {
    let found: any[] = [];
    commitLocalUpdate(environment, (store: any) => {
      found = ConnectionHandler.getConnection(store.get(account), 'Staff_users').getLinkedRecords('edges').map((e: any) => e.getLinkedRecord('node').getValue('email'));
    });
    return found;
  };
  await check('relay-runtime: the refetch query adds the next page to the connection', async () => {
    const { account } = await fetchQuery(environment, await artifact('StaffQuery'), {}).toPromise();
    const id = environment.getStore().getSource().get('client:root').account.__ref;
    hold(account && edges(id).length === 3, 'the first page is not there');
    let after = '';
    commitLocalUpdate(environment, (store: any) => {
      after = ConnectionHandler.getConnection(store.get(id), 'Staff_users').getLinkedRecord('pageInfo').getValue('endCursor');
    });
    await fetchQuery(environment, await artifact('StaffNextQuery'), { id, count: 4, cursor: after }).toPromise();
    equal(new Set(edges(id)).size, 7, 'people in the connection');
  });
  const change = async (name: string, input: object) => {
    const mutation = await artifact(name);
    return new Promise<any>((resolve, reject) =>
      commitMutation(environment, {
        mutation,
        variables: { input },
        onError: reject,
        onCompleted: (data: any, errors: any) => (errors ? reject(new Error(errors[0].message)) : resolve(data)),
      }));
  };
  await check('relay-runtime: a meeting is created, renamed in the store, and deleted', async () => {
    const { createMeeting } = await change('MeetingsCreateMutation', { host: { email }, meeting: { topic: 'Standup' } });
    const { id } = createMeeting.meeting;
    await change('MeetingsRenameMutation', { meeting: { id }, patch: { topic: 'Standdown' } });
    equal(environment.getStore().getSource().get(id).topic, 'Standdown', 'the topic in the store');
    const { deleteMeeting } = await change('MeetingsDeleteMutation', { meeting: { id } });
    equal(deleteMeeting.deletedMeetingId, id, 'the id that was deleted');
    equal(environment.getStore().getSource().get(id), null, 'the record that was deleted');
  });
  await check('relay-runtime: a write that is refused says why in userErrors', async () => {
    const { updateMeeting } = await change('MeetingsRenameMutation', { meeting: { number }, patch: { topic: 'x'.repeat(300) } });
    hold(updateMeeting.userErrors[0]?.code === 'INVALID', JSON.stringify(updateMeeting));
  });
}
