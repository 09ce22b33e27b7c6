/**
 * The layers of src/ and which may import which (docs/contributing.md): imports point one way. Files outside src/ (tests, scripts) are free.
 * src/shared and src/renderer also keep to what both a browser and Node have.
 */
import { builtinModules } from 'node:module';
import { dirname, resolve, sep } from 'node:path';

/**
 * What each layer may import besides itself.
 * @type {Readonly<Record<string, readonly string[]>>}
 */
export const directions = {
  shared: [],
  engine: ['shared'],
  data: ['shared'],
  main: ['data', 'engine', 'shared'],
  preload: ['shared'],
  renderer: ['shared'],
};

/** Layers that run where there is no Node. */
const portable = ['shared', 'renderer'];

/** Packages that a layer must not use: the engine knows numbers, not files or databases; only main has Electron and the store. */
const foreign = {
  shared: ['better-sqlite3', 'electron', 'koffi', 'ws'],
  engine: ['better-sqlite3', 'electron', 'ws'],
  data: ['better-sqlite3', 'electron', 'koffi', 'ws'],
  renderer: ['better-sqlite3', 'electron', 'koffi', 'ws'],
  preload: ['better-sqlite3', 'koffi', 'ws'],
};

/** @type {import('eslint').Rule.RuleModule} */
export const importDirection = {
  meta: {
    type: 'problem',
    docs: { description: 'imports between the layers of src/ point one way' },
    schema: [
      { type: 'object', properties: { root: { type: 'string' } }, required: ['root'], additionalProperties: false },
    ],
    messages: {
      direction: 'src/{{from}} must not import src/{{to}}: {{from}} -> {{allowed}}',
      unknown: '{{path}} lies in no layer of src/: imports between layers go to {{layers}}',
      node: 'src/{{from}} has no Node: it must not import {{module}}',
      package: 'src/{{from}} must not import the package {{module}}',
    },
  },
  create(context) {
    const source = `${resolve(context.options[0].root, 'src')}${sep}`;
    const from = layerOf(source, context.filename);
    if (from === undefined) return {};

    /** @param {unknown} literal the node of an import's source; not a Literal where the source is computed */
    const check = (literal) => {
      const node = /** @type {import('estree').Node | null | undefined} */ (literal);
      if (node?.type !== 'Literal' || typeof node.value !== 'string') return;
      const target = node.value;
      if (target.startsWith('.')) {
        const path = resolve(dirname(context.filename), target);
        const to = layerOf(source, path);
        if (to === from) return;
        if (to === undefined) {
          // A file of the checkout outside src/ (package.json, scripts), or one directly in src/.
          if (path.startsWith(source)) {
            context.report({
              node,
              messageId: 'unknown',
              data: { path: target, layers: Object.keys(directions).join(', ') },
            });
          }
          return;
        }
        const allowed = directions[from] ?? [];
        if (!allowed.includes(to)) {
          context.report({
            node,
            messageId: 'direction',
            data: { from, to, allowed: allowed.join(', ') || 'nothing' },
          });
        }
        return;
      }
      if (portable.includes(from) && (target.startsWith('node:') || builtinModules.includes(target))) {
        context.report({ node, messageId: 'node', data: { from, module: target } });
      }
      const name = target
        .split('/')
        .slice(0, target.startsWith('@') ? 2 : 1)
        .join('/');
      if ((foreign[/** @type {keyof typeof foreign} */ (from)] ?? []).includes(name)) {
        context.report({ node, messageId: 'package', data: { from, module: name } });
      }
    };

    return {
      ImportDeclaration: (node) => check(node.source),
      ExportNamedDeclaration: (node) => check(node.source),
      ExportAllDeclaration: (node) => check(node.source),
      ImportExpression: (node) => check(node.source),
      // Workers and assets: new URL('./worker.ts', import.meta.url)
      NewExpression(node) {
        if (node.callee.type !== 'Identifier' || node.callee.name !== 'URL') return;
        const base = node.arguments[1];
        if (base?.type === 'MemberExpression' && base.object.type === 'MetaProperty') checkUrl(node.arguments[0]);
      },
    };

    /** @param {unknown} argument */
    function checkUrl(argument) {
      const node = /** @type {import('estree').Node | undefined} */ (argument);
      if (
        node?.type === 'Literal' &&
        typeof node.value === 'string' &&
        layerOf(source, resolve(dirname(context.filename), node.value))
      ) {
        check(node);
      }
    }
  },
};

/**
 * The layer that a file belongs to; undefined outside the layers.
 * @param {string} source the folder src with a separator at its end
 * @param {string} path absolute
 */
function layerOf(source, path) {
  if (!path.startsWith(source)) return undefined;
  const [first = ''] = path.slice(source.length).split(sep);
  return Object.hasOwn(directions, first) ? first : undefined;
}
