// The plain page: what is left of a playground when GraphiQL was not built.
'use strict';

const form = document.getElementById('form');
const run = document.getElementById('run');
const status = document.getElementById('status');
const result = document.getElementById('result');

// What was typed survives a reload; the authorization does not.
for (const id of ['query', 'variables']) {
  const field = document.getElementById(id);
  field.value = localStorage.getItem(`plain:${id}`) || field.value;
  field.addEventListener('input', () => localStorage.setItem(`plain:${id}`, field.value));
}

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  run.disabled = true;
  show('Running …', result.textContent);
  const begun = performance.now();
  try {
    const response = await fetch(form.dataset.endpoint, request());
    const took = `${response.status} · ${Math.round(performance.now() - begun)} ms`;
    show(took, pretty(await response.text()), !response.ok);
  } catch (err) {
    show('Failed', String(err.message || err), true);
  } finally {
    run.disabled = false;
  }
});

document.addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && !run.disabled) form.requestSubmit();
});

run.disabled = false; // from here on a click is ours: the browser would send the form as a URL

function request() {
  const { query, variables, authorization } = Object.fromEntries(new FormData(form));
  const headers = {
    accept: 'application/graphql-response+json, application/json',
    'content-type': 'application/json',
  };
  if (authorization.trim()) headers.authorization = authorization.trim();
  return { method: 'POST', headers, body: JSON.stringify({ query, variables: parse(variables) }) };
}

function parse(variables) {
  if (!variables.trim()) return undefined;
  try {
    return JSON.parse(variables);
  } catch (err) {
    throw new Error(`Variables are not valid JSON: ${err.message}`);
  }
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function show(state, text, bad = false) {
  status.textContent = state;
  status.classList.toggle('bad', bad);
  result.textContent = text;
}
