/** From a window's message, which is not trusted, to an outcome. The same for every shell. */
import { contract, isMethod } from '../../shared/contract/index.ts';
import type { Handlers, Outcome } from '../../shared/contract/index.ts';
import { messageOf } from '../../shared/errors.ts';
import { parseWith } from '../../shared/validation.ts';
import { faultToSend } from './faults.ts';

/** Never rejects. */
export async function dispatch<Context>(
  handlers: Handlers<Context>,
  context: Context,
  method: unknown,
  params: unknown,
): Promise<Outcome<unknown>> {
  if (!isMethod(method)) {
    const name = typeof method === 'string' ? JSON.stringify(method.slice(0, 100)) : `a ${typeof method}`;
    return {
      ok: false,
      fault: {
        code: 'unknown-method',
        message: `there is no method ${name}; window and program differ in version: reload the page`,
      },
    };
  }
  try {
    const parsed = parseWith(contract[method].schema, withoutUndefined(params ?? {}), method);
    const handler = handlers[method] as (params: unknown, context: Context) => unknown;
    return { ok: true, value: await handler(parsed, context) };
  } catch (error) {
    try {
      return { ok: false, fault: faultToSend(error) };
    } catch (second) {
      return { ok: false, fault: { code: 'failed', message: messageOf(second) } };
    }
  }
}

/** The deepest nesting of parameters that is accepted. */
const deepest = 64;

/** A copy of plain JSON-like values without fields that are `undefined`: structured cloning keeps them, JSON does not. */
function withoutUndefined(value: unknown, depth = 0): unknown {
  if (typeof value !== 'object' || value === null || depth > deepest) return value;
  if (Array.isArray(value)) return value.map((item) => withoutUndefined(item, depth + 1));
  if (Object.getPrototypeOf(value) !== Object.prototype && Object.getPrototypeOf(value) !== null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .map(([key, item]) => [key, withoutUndefined(item, depth + 1)]),
  );
}
