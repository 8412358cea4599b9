// Builds ../dist: one script and one style sheet, each with a hash of its bytes
// in its name, so that the gateway may call them immutable.
//
// One file each and no code splitting: a strict script-src needs one nonce on
// one element, and nothing is ever fetched by a name made up at run time.
import { readdirSync, rmSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const dist = here('../dist/');

const { metafile } = await build({
  absWorkingDir: here('.'),
  entryPoints: ['src/main.jsx'],
  outdir: dist,
  entryNames: '[name]-[hash]',
  bundle: true,
  minify: true,
  format: 'iife',
  target: 'es2022',
  charset: 'utf8',
  jsx: 'automatic',
  define: { 'process.env.NODE_ENV': '"production"' },
  loader: { '.woff2': 'dataurl', '.svg': 'dataurl' },
  legalComments: 'eof', // the licences of what is bundled travel with it
  logLevel: 'warning',
  metafile: true,
});

const made = Object.entries(metafile.outputs).map(([path, { bytes }]) => [basename(path), bytes]);
for (const [name, bytes] of made) console.log(`${name}  ${Math.round(bytes / 1024)} KiB`);

// Earlier builds go last, so that a failed one leaves the page as it was.
const current = new Set(made.map(([name]) => name));
for (const name of readdirSync(dist)) {
  if (name.startsWith('main-') && !current.has(name)) rmSync(dist + name);
}
