import { Kind, OperationTypeNode, getOperationAST, parse, print } from 'graphql';

const alias = 'zoomqlPrice';

const asked = parse(`{
  ${alias}: rateLimit(dryRun: true) {
    labels { label remaining daily { remaining } }
    estimated { label calls }
    expected { label calls }
    roundTrips
    objects
    steps { path operation label atMost expected why }
    scopes { operation granular classic }
  }
}`).definitions[0].selectionSet.selections[0];

// dryRun returns the request that prices an operation of a document and carries nothing
// out, or null where there is no query to price.
export function dryRun(query, operationName) {
  let document;
  try {
    document = parse(query);
  } catch {
    return null; // it is being written
  }
  const operation = getOperationAST(document, operationName);
  if (operation?.operation !== OperationTypeNode.QUERY) return null;
  const selections = [asked, ...operation.selectionSet.selections];
  const priced = { ...operation, selectionSet: { kind: Kind.SELECTION_SET, selections } };
  const definitions = document.definitions.map((d) => (d === operation ? priced : d));
  return { query: print({ ...document, definitions }), operationName: operation.name?.value };
}

// priceOf returns what an answer to a dry run says, or throws what is wrong with it.
export function priceOf(answer) {
  const price = answer.data?.[alias];
  if (!price) throw new Error(answer.errors?.[0]?.message ?? 'The gateway told no price.');
  const calls = (list, label) => list.find((c) => c.label === label)?.calls ?? 0;
  return {
    ...price,
    bars: price.estimated.map(({ label, calls: most }) => {
      const budget = price.labels.find((l) => l.label === label);
      const left = budget?.daily?.remaining ?? null;
      return { label, most, expected: calls(price.expected, label), left };
    }),
  };
}

// lastCost holds what the last answer says that it cost.
export const lastCost = {
  value: null,
  listeners: new Set(),
  set(extensions) {
    this.value = extensions;
    for (const listener of this.listeners) listener();
  },
  subscribe: (listener) => {
    lastCost.listeners.add(listener);
    return () => lastCost.listeners.delete(listener);
  },
  get: () => lastCost.value,
};
