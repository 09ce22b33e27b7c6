/**
 * Lint with types. Errors only: a warning that may stay is noise. The rules that the project leans on are no-floating-promises,
 * no-misused-promises, no-explicit-any, the direction of imports and the absence of cycles among them (scripts/lint).
 */
import eslint from '@eslint/js';
import { defineConfig, globalIgnores } from 'eslint/config';
import svelte from 'eslint-plugin-svelte';
import tseslint from 'typescript-eslint';
import { importDirection } from './scripts/lint/import-direction.js';
import { noCycles } from './scripts/lint/no-cycles.js';

const root = import.meta.dirname;

/** Plain globals of browsers and Node that src/shared must do without. */
const notShared = ['process', 'Buffer', 'global', 'setImmediate', 'window', 'document', 'navigator', 'localStorage'];

export default defineConfig(
  // AssemblyScript looks like TypeScript and is not.
  globalIgnores([
    'out/',
    'dist/',
    'coverage/',
    'figures/',
    'test-results/',
    '.covature/',
    'src/engine/blas/wasm/assembly/',
  ]),
  eslint.configs.recommended,
  tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: {
      parserOptions: { projectService: true, extraFileExtensions: ['.svelte'], tsconfigRootDir: root },
    },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    plugins: { covature: { rules: { 'import-direction': importDirection, 'no-cycles': noCycles } } },
    rules: {
      'covature/import-direction': ['error', { root }],
      'covature/no-cycles': ['error', { root }],
      // TypeScript knows undefined names better.
      'no-undef': 'off',
      eqeqeq: 'error',
      'no-var': 'error',
      'prefer-const': 'error',
      // Published constants are written with all the digits they were published with.
      'no-loss-of-precision': 'off',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/only-throw-error': ['error', { allowThrowingAny: false, allowThrowingUnknown: true }],
      '@typescript-eslint/return-await': ['error', 'error-handling-correctness-only'],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true, allowNullish: true },
      ],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      // Services are records of closures, taken apart freely; methods that use `this` are few.
      '@typescript-eslint/unbound-method': 'off',
      // An interface may ask for a promise that one implementation has no need to wait for.
      '@typescript-eslint/require-await': 'off',
    },
  },
  {
    files: ['src/shared/**/*.ts'],
    rules: {
      'no-restricted-globals': [
        'error',
        ...notShared.map((name) => ({ name, message: 'src/shared has no Node and no DOM' })),
      ],
    },
  },
  {
    // Plain JavaScript has no annotations to unpack untyped JSON with; tsc checks these files by their JSDoc.
    files: ['**/*.mjs', '**/*.js'],
    rules: {
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
    },
  },
  svelte.configs.recommended,
  {
    files: ['**/*.svelte', '**/*.svelte.ts'],
    languageOptions: { parserOptions: { parser: tseslint.parser } },
    rules: {
      // Properties that are taken apart together are `let` where one of them can be bound.
      'prefer-const': 'off',
      'svelte/prefer-const': 'error',
      // Large maps and sets are replaced whole ($state.raw): deep proxies are slow for thousands of rows.
      'svelte/prefer-svelte-reactivity': 'off',
    },
  },
  {
    // The linter cannot resolve types that one .svelte file takes from another and calls them `any`; svelte-check knows and holds them.
    files: ['**/*.svelte'],
    rules: {
      '@typescript-eslint/no-redundant-type-constituents': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
    },
  },
);
