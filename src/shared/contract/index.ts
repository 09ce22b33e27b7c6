/**
 * The contract between a window and the main side: ONE table, method -> schema of the parameters and type of the result; and the events. Every
 * shell speaks it. Names, parsers and types all come from here, so a missing handler or a wrong argument does not compile.
 */
import type * as v from 'valibot';
import type { MethodDefinition } from './define.ts';
import type { ContractEvents, EventName } from './events.ts';
import { clusters } from './methods/clusters.ts';
import { figures } from './methods/figures.ts';
import { imports } from './methods/imports.ts';
import { making } from './methods/making.ts';
import { projects } from './methods/projects.ts';
import { results } from './methods/results.ts';
import { runs } from './methods/runs.ts';
import { system } from './methods/system.ts';

export * from './faults.ts';
export * from './records.ts';
export { eventNames, type ContractEvents, type EventName } from './events.ts';
export * from './methods/clusters.ts';
export type * from './methods/figures.ts';
export * from './methods/imports.ts';
export type * from './methods/making.ts';
export * from './methods/results.ts';
export type * from './methods/runs.ts';
export { settingsSchema } from './methods/system.ts';
export type * from './methods/system.ts';

export const contract = { ...projects, ...runs, ...results, ...imports, ...making, ...figures, ...clusters, ...system };

export type Contract = typeof contract;
export type Method = keyof Contract;
export const methods = Object.keys(contract) as readonly Method[];

export function isMethod(value: unknown): value is Method {
  return typeof value === 'string' && Object.hasOwn(contract, value);
}

type SchemaOf<M extends Method> = Contract[M] extends MethodDefinition<infer S, unknown> ? S : never;

/** The parameters that a handler gets: parsed, with every default filled in. */
export type Parsed<M extends Method> = v.InferOutput<SchemaOf<M>>;

/** Fields that may be left out may be `undefined` as well, and lists may be readonly. */
type Loose<T> = { [K in keyof T]: object extends Pick<T, K> ? Given<T[K]> | undefined : Given<T[K]> };
type Given<T> = T extends readonly (infer U)[] ? readonly U[] : T;

/** The parameters that a window sends. */
export type Params<M extends Method> = Loose<v.InferInput<SchemaOf<M>>>;

export type Result<M extends Method> = Contract[M] extends MethodDefinition<v.GenericSchema, infer R> ? R : never;

/** `{}` may be left out if a method needs nothing. */
export type Arguments<M extends Method> = object extends Params<M> ? [params?: Params<M>] : [params: Params<M>];

/** One for every method. `undefined` is no result: methods without one return null. */
export type Handlers<Context> = {
  readonly [M in Method]: (params: Parsed<M>, context: Context) => Result<M> | Promise<Result<M>>;
};

/** The window's end of the contract, whatever the transport. */
export interface Client {
  /** Rejects with a FaultError. */
  request<M extends Method>(method: M, ...args: Arguments<M>): Promise<Result<M>>;
  /** Returns a function that stops listening. */
  on<E extends EventName>(event: E, listener: (payload: ContractEvents[E]) => void): () => void;
}
