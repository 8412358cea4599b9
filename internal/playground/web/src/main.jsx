import { createRoot } from 'react-dom/client';
import { GraphiQL } from 'graphiql';
import 'graphiql/style.css';
import './style.css';
import { createFetcher } from './fetcher.js';
import { pricePlugin } from './price.jsx';

const app = document.getElementById('app');
const { endpoint, schema, title, badge, query } = app.dataset;
const fetcher = createFetcher(new URL(endpoint, location.href));
const plugins = [pricePlugin(fetcher)];

// Headers are kept only if the user asks for it in the settings: what stands in
// them is mostly a key.
createRoot(app).render(
  <GraphiQL
    fetcher={fetcher}
    plugins={plugins}
    defaultQuery={query}
    isHeadersEditorEnabled
    defaultEditorToolsVisibility
    shouldPersistHeaders={false}
    inputValueDeprecation
    schemaDescription
  >
    <GraphiQL.Logo>
      <span className="zoomql-title">{title}</span>
      {badge && <span className="zoomql-badge">{badge}</span>}
      {schema && (
        <a className="zoomql-schema" href={schema}>
          Schema
        </a>
      )}
    </GraphiQL.Logo>
  </GraphiQL>,
);
