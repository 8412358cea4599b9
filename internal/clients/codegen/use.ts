// A program that uses what was generated, as a user's would.
import type { TypedDocumentNode } from '@graphql-typed-document-node/core';
import { print } from 'graphql';
import { useFragment } from '../made/codegen';
import type { ErrorCode } from '../made/codegen/schema';
import { Host, Rename, Staff } from './documents';

async function ask<Result, Variables>(document: TypedDocumentNode<Result, Variables>, variables: Variables): Promise<Result> {
  const reply = await fetch(process.env['GATEWAY_URL'] ?? '', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Accept: 'application/graphql-response+json' },
    body: JSON.stringify({ query: print(document), variables }),
  });
  const { data, errors } = (await reply.json()) as { data?: Result; errors?: { message: string; extensions: { code: ErrorCode } }[] };
  // @ts-expect-error: no error has this code
  if (errors?.[0]?.extensions.code === 'SOMETHING_ELSE') throw new Error('a code that the schema does not tell');
  if (errors?.[0]?.extensions.code === 'RATE_LIMITED') throw new Error('come back later');
  if (!data || errors) throw new Error(errors?.[0]?.message ?? 'no data');
  return data;
}

const staff = await ask(Staff, { withMeetings: true });
const nodes = staff.account?.users?.nodes ?? [];
const emails: (string | null | undefined)[] = nodes.map((node) => useFragment(Host, node).email);
if (emails.length !== 5 || !emails[0]) throw new Error(`people: ${emails.join()}`);

const number: string = process.env['number'] ?? '';
const { updateMeeting } = await ask(Rename, { by: { number }, topic: 'Retro' });
if (updateMeeting?.meeting?.topic !== 'Retro') throw new Error(`the topic: ${JSON.stringify(updateMeeting)}`);
const refused = await ask(Rename, { by: { number }, topic: 'x'.repeat(300) });
const code: 'INVALID' | string | undefined = refused.updateMeeting?.userErrors[0]?.code;
if (code !== 'INVALID') throw new Error(`a topic that is too long: ${code}`);
