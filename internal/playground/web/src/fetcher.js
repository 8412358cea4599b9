import { createGraphiQLFetcher } from '@graphiql/toolkit';
import { getIntrospectionQuery, Kind, parse } from 'graphql';
import { lastCost } from './price.js';

// What GraphiQL would not ask for by itself: which inputs are @oneOf, and where
// a scalar is specified.
const introspection = getIntrospectionQuery({
  inputValueDeprecation: true,
  schemaDescription: true,
  specifiedByUrl: true,
  directiveIsRepeatable: true,
  oneOf: true,
});

// createFetcher answers how GraphiQL talks to the endpoint: POST for queries and
// mutations, multipart only for a document that defers (a plain answer stays
// plain), and graphql-transport-ws on the same path for subscriptions.
export function createFetcher(url) {
  const socket = new URL(url);
  socket.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';

  const plain = createGraphiQLFetcher({
    url: url.href,
    subscriptionUrl: socket.href,
    fetch: fetchJSON,
    enableIncrementalDelivery: false,
    headers: { accept: 'application/graphql-response+json, application/json' },
  });
  const deferred = createGraphiQLFetcher({
    url: url.href,
    fetch: fetchJSON,
    headers: { accept: 'multipart/mixed;deferSpec=20220824, application/json' },
  });

  return async (params, opts) => {
    if (params.operationName === 'IntrospectionQuery') {
      const answer = await plain({ ...params, query: introspection }, opts);
      return answer.data ? answer : plain(params, opts); // an older server
    }
    if (/@(defer|stream)\b/.test(params.query)) return deferred(params, opts);
    if (opts?.dryRun) return plain(params, opts);
    return run(plain, ...current(params, opts));
  };
}

// current returns the parameters and options for the document as it is. GraphiQL parses the
// document a moment after each edit: until then it passes the syntax tree and the operation
// name of the document before the edit, and a subscription would be sent by POST.
function current(params, opts) {
  let documentAST;
  try {
    documentAST = parse(params.query);
  } catch {
    return [params, { ...opts, documentAST }]; // the endpoint answers with the syntax error
  }
  const operations = documentAST.definitions.filter((d) => d.kind === Kind.OPERATION_DEFINITION);
  const operationName = operations.length === 1 ? operations[0].name?.value : params.operationName;
  return [{ ...params, operationName }, { ...opts, documentAST }];
}

// run executes an operation and notes its cost. While the price panel is open it asks for the
// plan too, for the panel alone: the result shows a plan that the user has asked for.
async function run(plain, params, opts) {
  const own = Object.keys(opts?.headers ?? {}).some((name) => name.toLowerCase() === 'x-plan');
  const asks = lastCost.wanted && !own;
  const answer = await plain(params, asks ? { ...opts, headers: { ...opts?.headers, 'X-Plan': 'true' } } : opts);
  if (!answer.extensions?.cost) return answer;
  lastCost.set(answer.extensions);
  if (!asks) return answer;
  const { plan, ...extensions } = answer.extensions;
  return { ...answer, extensions };
}

// fetchJSON turns what is not GraphQL (a proxy's error page, an empty 401) into
// an error that can be read in the result pane.
async function fetchJSON(url, init) {
  const response = await fetch(url, { ...init, credentials: 'same-origin' });
  const type = response.headers.get('content-type') ?? '';
  if (/json|multipart\/mixed/.test(type)) return response;
  const text = (await response.text()).trim().slice(0, 300);
  const message = `HTTP ${response.status} ${response.statusText}`.trim();
  const hint = response.status === 401 ? 'Send a key under Headers: {"Authorization": "Bearer …"}' : text;
  return Response.json({ errors: [{ message: hint ? `${message}: ${hint}` : message }] });
}
