/**
 * What must not compile. `tsc` (part of `npm run check`) fails on an `@ts-expect-error` below which nothing is wrong; the tests hold the same for the
 * values, where there are any.
 */
import { describe, expect, expectTypeOf, it } from 'vitest';
import type {
  Arguments,
  Client,
  Handlers,
  Method,
  Parsed,
  Result,
  RunPage,
} from '../../../src/shared/contract/index.ts';
import { contract, methods } from '../../../src/shared/contract/index.ts';
import { handlers } from '../../../src/main/contract/handlers/index.ts';

interface Context {
  readonly folder: string;
}
declare const all: Handlers<Context>;
declare const client: Client;

/** Never called: compiled alone. */
export function doNotCompile(): void {
  const { 'runs.list': _, ...rest } = all;
  // @ts-expect-error a handler is missing
  const missing: Handlers<Context> = rest;
  // @ts-expect-error a handler answers something else
  const wrongResult: Handlers<Context> = { ...all, 'projects.delete': () => 'done' };
  const byName = ({ name }: { name: string }): null => (name === '' ? null : null);
  // @ts-expect-error a handler takes parameters that the method has not
  const wrongParameters: Handlers<Context> = { ...all, 'projects.delete': byName };
  // @ts-expect-error a handler for a method that does not exist
  const surplus: Handlers<Context> = { ...all, 'runs.fly': () => null };
  // @ts-expect-error no such method
  void client.request('runs.fly', {});
  // @ts-expect-error a parameter is missing
  void client.request('runs.get');
  // @ts-expect-error a parameter of another type
  void client.request('runs.get', { id: 7 });
  // @ts-expect-error an unknown parameter
  void client.request('runs.list', { limits: 10 });
  // @ts-expect-error no such status
  void client.request('runs.list', { status: ['asleep'] });
  // @ts-expect-error no such event
  client.on('runs.flew', () => undefined);
  // @ts-expect-error the payload has no such field
  client.on('run.progress', ({ speed }) => void speed);
  // @ts-expect-error a result has no such field
  void client.request('runs.list', {}).then((page) => void page.columns);
  void [missing, wrongResult, wrongParameters, surplus];
}

/** Never called: must compile. */
export function doCompile(): void {
  void client.request('runs.list');
  void client.request('runs.list', { text: undefined, limit: 5 });
  void client.request('runs.get', { id: 'abc' });
  client.on('run.progress', ({ run, share }) => [run, share]);
}

describe('the types of the contract', () => {
  it('infers parameters, parsed parameters and results', () => {
    expectTypeOf<Result<'runs.list'>>().toEqualTypeOf<RunPage>();
    expectTypeOf<Parsed<'runs.list'>['limit']>().toEqualTypeOf<number>();
    expectTypeOf<Arguments<'queue.get'>>().toExtend<[params?: object]>();
    expectTypeOf<Arguments<'runs.get'>>().toEqualTypeOf<[params: { id: string }]>();
  });

  it('has a handler for every method, and for nothing else', () => {
    expect(Object.keys(handlers).sort()).toEqual([...methods].sort());
  });

  it.each(methods.map((method): [Method] => [method]))('%s rejects unknown parameters', (method) => {
    const { schema } = contract[method];
    const result = schema['~standard'].validate({ surprise: 1 });
    expect(result).toHaveProperty('issues');
  });
});
