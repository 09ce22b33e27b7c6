/** What the native menu sends is what the window knows. */
import { expect, it } from 'vitest';
import { menuCommands } from '../../../src/shared/contract/bridge.ts';

interface Command {
  readonly id: string;
  readonly keys?: string;
}
/** The window's own types need a DOM, which tests of the main side do not have. */
const { commandsOf, commandOfKey } = (await import(
  new URL('../../../src/renderer/state/commands.ts', import.meta.url).href
)) as {
  readonly commandsOf: (app: unknown) => readonly Command[];
  readonly commandOfKey: (event: unknown, commands: readonly Command[]) => Command | undefined;
};

const app = { queue: null };

it('has a command for every entry of the native menu', () => {
  const ids = commandsOf(app).map(({ id }) => id);
  expect([...ids].sort()).toEqual([...menuCommands].sort());
  expect(new Set(ids).size).toBe(ids.length);
});

it('gives no key to two commands', () => {
  const keys = commandsOf(app).flatMap((command) => (command.keys === undefined ? [] : [command.keys]));
  expect(new Set(keys).size).toBe(keys.length);
});

it('leaves plain letters to text fields', () => {
  const commands = commandsOf(app);
  const field = { closest: () => ({}) };
  const press = (key: string, target: unknown, ctrlKey = false): string | undefined =>
    commandOfKey({ key, target, ctrlKey, altKey: false, metaKey: false }, commands)?.id;
  expect(press('?', null)).toBe('shortcuts');
  expect(press('?', field)).toBeUndefined();
  expect(press('k', field, true)).toBe('command-palette');
  expect(press('z', field, true)).toBeUndefined();
});
