import { useEffect, useState, useSyncExternalStore } from 'react';
import { useEditorContext } from '@graphiql/react';
import { askPrice, isWhole, lastCost } from './price.js';

// pause is how long nothing is typed, in ms, before a price is asked for.
const pause = 400;

// pricePlugin shows beside the editor what an operation will cost: the gateway prices it
// without asking Zoom. It asks only while the panel is open.
export function pricePlugin(fetcher) {
  return { title: 'Price', icon: Icon, content: () => <Price fetcher={fetcher} /> };
}

function Icon() {
  return (
    <svg viewBox="0 0 20 20" fill="none" stroke="currentColor" strokeWidth="1.5" aria-hidden="true">
      <circle cx="10" cy="10" r="8.2" />
      <path d="M12.8 7.4c-.5-1-1.5-1.5-2.8-1.5-1.6 0-2.8.8-2.8 2 0 3 5.7 1.3 5.7 4.3 0 1.200-1.3 2-2.900 2-1.400 0-2.5-.6-3-1.6M10 4v12" />
    </svg>
  );
}

function Price({ fetcher }) {
  const { state, price, problem } = usePrice(fetcher);
  const cost = useSyncExternalStore(lastCost.subscribe, lastCost.get);
  return (
    <section className="zoomql-price" aria-live="polite">
      <h2>Price</h2>
      {state === 'none' && <p>Write an operation: its price is shown here before it is paid.</p>}
      {problem && <p className="zoomql-problem">{problem}</p>}
      {price && <Estimate price={price} stale={state === 'asking'} />}
      {cost && <Paid cost={cost} />}
    </section>
  );
}

// usePrice prices what is in the editors, whenever it has changed.
function usePrice(fetcher) {
  const { queryEditor, variableEditor, headerEditor } = useEditorContext({ nonNull: true });
  const [shown, show] = useState({ state: 'none' });
  useEffect(() => {
    const editors = [queryEditor, variableEditor, headerEditor].filter(Boolean);
    let timer;
    let last = 0;
    const ask = async () => {
      const turn = ++last;
      const query = queryEditor?.getValue() ?? '';
      const operationName = queryEditor?.operationName ?? undefined;
      if (!isWhole(query, operationName)) return show((was) => (was.price ? { ...was, state: 'asked' } : { state: 'none' }));
      show((was) => ({ ...was, state: 'asking' }));
      let next;
      try {
        const variables = object(variableEditor, 'Variables');
        const headers = object(headerEditor, 'Headers');
        next = { state: 'asked', price: await askPrice(fetcher, { query, operationName, variables }, headers) };
      } catch (e) {
        next = { state: 'asked', problem: e.message };
      }
      if (turn === last) show(next); // or another price is on its way
    };
    const soon = () => {
      clearTimeout(timer);
      timer = setTimeout(ask, pause);
    };
    for (const editor of editors) editor.on('change', soon);
    ask();
    return () => {
      clearTimeout(timer);
      last = -1;
      for (const editor of editors) editor.off('change', soon);
    };
  }, [fetcher, queryEditor, variableEditor, headerEditor]);
  return shown;
}

// object reads the JSON object in an editor; an empty editor holds none.
function object(editor, what) {
  const text = editor?.getValue().trim();
  if (!text) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`${what} are not valid JSON.`);
  }
}

function Estimate({ price, stale }) {
  const className = stale ? 'zoomql-stale' : '';
  if (price.bars.length === 0) {
    return (
      <div className={className}>
        <Errors errors={price.errors} />
        <p>It makes no call.</p>
        <Refused refused={price.refused} />
      </div>
    );
  }
  return (
    <div className={className}>
      <Errors errors={price.errors} />
      {price.bars.map((bar) => (
        <Bar key={bar.label} {...bar} />
      ))}
      <Days {...price} />
      <Refused refused={price.refused} />
      <dl>
        <dt>Round trips</dt>
        <dd>{price.roundTrips}</dd>
        <dt>Objects, at most</dt>
        <dd>{count(price.objects)}</dd>
      </dl>
      <h3>Steps</h3>
      <Steps steps={price.steps} calls={(step) => range(step.expected, step.atMost)} />
      <details>
        <summary>Scopes</summary>
        <ul>
          {price.scopes.map((s) => (
            <li key={s.operation}>
              <span>{s.operation}</span>
              <code>{[...s.granular, ...s.classic].join(', ')}</code>
            </li>
          ))}
        </ul>
      </details>
    </div>
  );
}

// Errors shows why parts of the operation, or all of it, would be refused.
function Errors({ errors }) {
  return errors.map((e) => (
    <p className="zoomql-problem" key={e.message + e.path}>
      {e.path && <code>{e.path.join('.')}</code>} {e.message}
    </p>
  ));
}

// Steps lists the steps of a plan, each with its number of calls.
function Steps({ steps, calls }) {
  return (
    <ol>
      {steps.map((step) => (
        <li key={step.path + step.operation}>
          <code>{step.path}</code>
          <span>
            {step.operation} × {calls(step)}
          </span>
          <small>{step.why}</small>
        </li>
      ))}
    </ol>
  );
}

// Days tells how many days' budgets are needed, where today's does not hold the calls.
function Days({ days, retryAt }) {
  if (days < 2) return null;
  return (
    <p className="zoomql-problem">
      {retryAt
        ? `What is left of today's budget does not hold it: the next day's does, from ${new Date(retryAt).toLocaleString()} on.`
        : `It takes the budgets of ${count(days)} days.`}
    </p>
  );
}

// Refused lists the operations that the scopes, or the account's plan, do not allow, with the
// fields that are null without them.
function Refused({ refused }) {
  if (!refused) return null;
  return (
    <>
      <h3>Refused before a call</h3>
      <ul className="zoomql-refused">
        {refused.map((r) => (
          <li key={r.operation}>
            <span>
              {r.operation}: <code>{r.code}</code>
            </span>
            <small>{r.why}</small>
            <small>Null without it: {r.fields.join(', ')}</small>
          </li>
        ))}
      </ul>
    </>
  );
}

// Bar shows the calls of a label against what the day has left. Labels without a budget
// for the day have a bar of their calls alone.
function Bar({ label, most, expected, left }) {
  const whole = left === null ? most : Math.max(left, 1);
  const part = (calls) => `${Math.min(100, (100 * calls) / whole)}%`;
  return (
    <div className="zoomql-bar" data-over={left !== null && most > left}>
      <span>{label}</span>
      <span>
        {range(expected, most)}
        {left !== null && ` of ${count(left)} left today`}
      </span>
      <div role="presentation">
        <i style={{ width: part(most) }} />
        <b style={{ width: part(expected) }} />
      </div>
    </div>
  );
}

function Paid({ cost: { cost, cache, plan } }) {
  const list = (calls) => Object.entries(calls).map(([label, n]) => `${label} ${count(n)}`).join(', ') || 'no calls';
  return (
    <>
      <h3>The last run</h3>
      <dl>
        <dt>Sent</dt>
        <dd>{list(cost.actual)}</dd>
        <dt>Needed</dt>
        <dd>{list(cost.requested)}</dd>
        <dt>From the cache</dt>
        <dd>{count(cost.cached)}</dd>
        {cost.waitedMs > 0 && (
          <>
            <dt>Waited for the budget</dt>
            <dd>{count(cost.waitedMs)} ms</dd>
          </>
        )}
        {cache?.stale && (
          <>
            <dt>Oldest stale part</dt>
            <dd>{count(cache.ageSeconds)} s</dd>
          </>
        )}
      </dl>
      {plan?.steps.length > 0 && (
        <>
          <h3>Its steps</h3>
          <Steps steps={plan.steps} calls={(step) => count(step.actual) + (step.cached > 0 ? `, ${count(step.cached)} cached` : '')} />
        </>
      )}
    </>
  );
}

const count = (n) => n.toLocaleString('en');

const range = (expected, most) => (expected === most ? count(most) : `${count(expected)} to ${count(most)}`);
