/** Which parameters of a network a measurement names. */
import { wholeNetwork } from '../../engine/curvature/projected/space.ts';
import type { Network } from '../../engine/network/network.ts';
import { InputError } from '../../shared/errors.ts';

/** Names of the parameters that patterns select, in the network's order. Raises InputError for a pattern that selects none. */
export function selectParameters(network: Pick<Network, 'parameters'>, patterns: readonly string[]): string[] {
  const names = network.parameters.map((each) => each.name);
  const selected = new Set<string>();
  for (const pattern of patterns) {
    if (pattern === wholeNetwork) {
      selected.add(pattern);
      continue;
    }
    const expression = new RegExp(`^${pattern.split('*').map(escapeRegExp).join('.*')}$`);
    const matches = names.filter((name) => expression.test(name));
    if (matches.length === 0)
      throw new InputError(`no parameter is named "${pattern}"; the model has ${names.join(', ')}`);
    for (const name of matches) selected.add(name);
  }
  return [...names, wholeNetwork].filter((name) => selected.has(name));
}

function escapeRegExp(text: string): string {
  return text.replace(/[.+?^${}()|[\]\\]/g, '\\$&');
}
