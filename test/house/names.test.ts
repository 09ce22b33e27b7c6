/** One name, one meaning: no two modules export the same name, except the few that are listed with the reason. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const declaration =
  /^\s*export (?:declare )?(?:abstract )?(?:async )?(?:const|let|function\*?|type|interface|class) (\w+)/gm;

const allowed: Readonly<Record<string, string>> = {
  focus: 'a method of components that their parent calls, like the one of an element',
};

/** AssemblyScript: a program of its own, whose kernels have the names of the loops in JavaScript that they stand in for. */
const kernels = 'src/engine/blas/wasm/assembly/';

/** Modules by the names that they declare and export. */
function modulesByName(): Map<string, string[]> {
  const modules = new Map<string, string[]>();
  for (const file of globSync('src/**/*.{ts,svelte}', { cwd: root })) {
    if (file.startsWith(kernels)) continue;
    const text = readFileSync(join(root, file), 'utf8');
    // A set: overloads declare a name several times.
    for (const name of new Set(Array.from(text.matchAll(declaration), ([, each]) => each)))
      modules.set(name, [...(modules.get(name) ?? []), file]);
  }
  return modules;
}

test('a name is exported by one module', () => {
  const doubled = [...modulesByName()].filter(([name, files]) => files.length > 1 && !(name in allowed));
  expect(Object.fromEntries(doubled)).toEqual({});
});

test('names that several modules may export are exported by several', () => {
  const modules = modulesByName();
  for (const name of Object.keys(allowed)) expect(modules.get(name)?.length, name).toBeGreaterThan(1);
});
