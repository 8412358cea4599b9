import { getOperationAST, parse } from 'graphql';

const budgets = '{ rateLimit { labels { label daily { remaining } } } }';

// isWhole tells whether a text has an operation of a name that could be priced, and not
// half of one that is being written.
export function isWhole(query, operationName) {
  try {
    return getOperationAST(parse(query), operationName) != null;
  } catch {
    return false;
  }
}

// askPrice asks what an operation costs, and what the day has left. Neither makes a call at
// Zoom.
export async function askPrice(fetcher, params, headers) {
  const [priced, budget] = await Promise.all([
    fetcher(params, { headers: { ...headers, 'X-Dry-Run': 'true' }, dryRun: true }),
    fetcher({ query: budgets }, { headers, dryRun: true }),
  ]);
  const plan = priced.extensions?.plan;
  if (!plan) throw new Error(priced.errors?.[0]?.message ?? 'The gateway returned no price.');
  const labels = budget.data?.rateLimit.labels ?? [];
  const place = (label) => labels.findIndex((l) => l.label === label); // the cheapest first
  const bars = Object.entries(plan.atMost)
    .sort(([a], [b]) => place(a) - place(b))
    .map(([label, most]) => {
      const left = labels[place(label)]?.daily?.remaining ?? null;
      return { label, most, expected: plan.expected[label] ?? 0, left };
    });
  return { ...plan, bars, errors: priced.errors ?? [] };
}

// lastCost holds what the last answer says that it cost. While it has listeners, the panel is
// open, and operations are sent with a request for their plan.
export const lastCost = {
  value: null,
  listeners: new Set(),
  get wanted() {
    return this.listeners.size > 0;
  },
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
