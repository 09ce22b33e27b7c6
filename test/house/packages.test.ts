/** What a fresh clone rests on: exact versions, a lock file that names no registry, install scripts that somebody decided on. */
import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { nodePackage } from '../../scripts/launch/runtime.mjs';

interface Manifest {
  scripts: Record<string, string>;
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
  optionalDependencies: Record<string, string>;
  allowScripts: Record<string, boolean>;
}

interface Locked {
  version: string;
  resolved?: string;
  integrity?: string;
  hasInstallScript?: boolean;
  optionalDependencies?: Record<string, string>;
}

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const manifest = JSON.parse(read('package.json')) as Manifest;
const lock = (JSON.parse(read('package-lock.json')) as { packages: Record<string, Locked> }).packages;
const packages = Object.entries(lock).filter(([path]) => path !== '');
const nameOf = (path: string): string => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);

describe('package.json', () => {
  test('pins every version exactly', () => {
    const { dependencies, devDependencies, optionalDependencies } = manifest;
    for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies })) {
      expect(version, name).toMatch(/^\d+\.\d+\.\d+$/);
    }
  });

  test('takes tfjs-node-gpu as optional', () => {
    expect(manifest.optionalDependencies['@tensorflow/tfjs-node-gpu']).toBe('4.22.0');
  });

  test('starts every command through the launcher', () => {
    for (const name of ['start', 'demo', 'test', 'covature', 'build', 'check']) {
      expect(manifest.scripts[name]).toBe(`node scripts/launch.mjs ${name}`);
    }
  });

  test('decides for every package with an install script whether it may run', () => {
    // better-sqlite3 has none, but npm makes one up for its binding.gyp.
    const scripted = packages.filter(([, { hasInstallScript }]) => hasInstallScript).map(([path]) => nameOf(path));
    expect(Object.keys(manifest.allowScripts).sort()).toEqual([...new Set([...scripted, 'better-sqlite3'])].sort());
    expect(manifest.allowScripts['@tensorflow/tfjs-node-gpu']).toBe(false);
  });
});

describe('package-lock.json', () => {
  test('has a checksum and no address for every package', () => {
    for (const [path, { integrity, resolved }] of packages) {
      expect(integrity, path).toMatch(/^sha512-/);
      expect(resolved, path).toBeUndefined();
    }
  });

  test('is complete: npm refuses a lock file that lacks a package for some other machine', () => {
    const names = new Set(packages.map(([path]) => nameOf(path)));
    for (const [path, { optionalDependencies = {} }] of packages) {
      for (const name of Object.keys(optionalDependencies))
        expect(names.has(name), `${name}, wanted by ${path}`).toBe(true);
    }
  });

  test('brings the pinned Node for Linux and Windows as packages without install scripts', () => {
    for (const [platform, arch] of [
      ['linux', 'x64'],
      ['linux', 'arm64'],
      ['win32', 'x64'],
    ] as const) {
      const locked = lock[`node_modules/${nodePackage(platform, arch)}`];
      expect(locked?.version).toMatch(/^24\./);
      expect(locked?.hasInstallScript).toBeUndefined();
    }
  });
});

test('the launcher imports nothing but Node and itself', () => {
  const folder = new URL('../../scripts/launch/', import.meta.url);
  const files = readdirSync(fileURLToPath(folder)).map((name) => `scripts/launch/${name}`);
  expect(files.length).toBeGreaterThan(5);
  for (const file of ['scripts/launch.mjs', 'scripts/covature.mjs', ...files]) {
    const targets = [...read(file).matchAll(/(?:from |import\()'([^']+)'/g)].map(([, target = '']) => target);
    for (const target of targets) expect(target, file).toMatch(/^(node:|\.\/)/);
  }
});
