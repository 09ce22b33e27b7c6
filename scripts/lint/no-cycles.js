/**
 * No import cycles below src/, imports of types included: a file can be read, tested and moved without the files that use it.
 *
 * The graph is read once for each process that lints, from the source text; the file under lint counts as it stands in the editor.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';

/** `import ... from 'x'`, `export ... from 'x'`, `import 'x'` and `import('x')` with a relative path. */
const imports = /(?:\bfrom\s*|\bimport\s*\(?\s*)['"](\.[^'"]+)['"]/g;
const comments = /\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm;

/** @typedef {Map<string, readonly string[]>} Graph from each file to those it imports, absolute */

/** @type {Map<string, Graph>} */
const graphs = new Map();

/** @type {import('eslint').Rule.RuleModule} */
export const noCycles = {
  meta: {
    type: 'problem',
    docs: { description: 'imports below src/ make no cycle' },
    schema: [
      { type: 'object', properties: { root: { type: 'string' } }, required: ['root'], additionalProperties: false },
    ],
    messages: { cycle: 'this import closes a cycle: {{path}}' },
  },
  create(context) {
    const source = resolve(context.options[0].root, 'src');
    const file = context.filename;
    if (!file.startsWith(source + sep)) return {};
    const graph = graphOf(source);

    /** @param {unknown} literal the node of an import's source; not a Literal where the source is computed */
    const check = (literal) => {
      const node = /** @type {import('estree').Node | null | undefined} */ (literal);
      if (node?.type !== 'Literal' || typeof node.value !== 'string' || !node.value.startsWith('.')) return;
      const path = pathTo(graph, resolve(dirname(file), node.value), file);
      if (path === undefined) return;
      const names = [file, ...path].map((each) => relative(source, each).split(sep).join('/'));
      context.report({ node, messageId: 'cycle', data: { path: names.join(' -> ') } });
    };
    return {
      ImportDeclaration: (node) => check(node.source),
      ExportNamedDeclaration: (node) => check(node.source),
      ExportAllDeclaration: (node) => check(node.source),
      ImportExpression: (node) => check(node.source),
    };
  },
};

/**
 * The shortest way from one file to another along imports, both ends included; undefined where there is none.
 * @param {Graph} graph
 * @param {string} from
 * @param {string} to
 * @returns {string[] | undefined}
 */
function pathTo(graph, from, to) {
  /** @type {Map<string, string | null>} */
  const cameFrom = new Map([[from, null]]);
  for (const at of cameFrom.keys()) {
    if (at === to) {
      const path = [at];
      for (let step = cameFrom.get(at); typeof step === 'string'; step = cameFrom.get(step)) path.unshift(step);
      return path;
    }
    for (const next of graph.get(at) ?? []) if (!cameFrom.has(next)) cameFrom.set(next, at);
  }
  return undefined;
}

/** @param {string} source the folder src @returns {Graph} */
function graphOf(source) {
  const known = graphs.get(source);
  if (known !== undefined) return known;
  const files = readdirSync(source, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(ts|svelte)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
  const graph = new Map(files.map((file) => [file, importsOf(file)]));
  graphs.set(source, graph);
  return graph;
}

/** @param {string} file @returns {string[]} */
function importsOf(file) {
  const text = readFileSync(file, 'utf8').replace(comments, '');
  return Array.from(text.matchAll(imports), ([, target]) => resolve(dirname(file), target));
}
