/** "Reopen a file": an exported figure, or a recipe, by the system's dialog or the browser's. */
import type { ReopenedFigure } from '../../shared/contract/index.ts';
import { parseRecipe } from '../../shared/figures/recipe.ts';
import type { App } from '../state/app.svelte.ts';
import { base64Of } from './download.ts';
import { draftOf } from './studio.svelte.ts';

/** Undefined if nothing was chosen, or if the file does not come from this program (the user is told). */
export async function reopenFile(app: App): Promise<ReopenedFigure | undefined> {
  if (app.info?.dialogs === true) {
    return app.attempt(async () => {
      const picked = await app.client.request('files.choose', { kind: 'figure' });
      return picked === null ? undefined : app.client.request('figures.reopen', { token: picked.token });
    });
  }
  const file = await pick();
  if (file === undefined) return undefined;
  return app.attempt(async () =>
    app.client.request('figures.reopen', { name: file.name, base64: await base64Of(file) }),
  );
}

/** Opens a reopened figure in the studio. */
export function showReopened(app: App, file: ReopenedFigure): void {
  draftOf(app).value = { recipe: parseRecipe(file.recipe), id: null };
  app.show({ screen: 'figures', draw: 'last' });
  const missing = missingText(file);
  if (missing !== undefined) app.tell('warning', missing);
}

function pick(): Promise<File | undefined> {
  return new Promise((resolve) => {
    const input = document.createElement('input');
    input.type = 'file';
    input.accept = '.svg,.pdf,.png,.json';
    input.addEventListener('change', () => resolve(input.files?.[0]));
    input.addEventListener('cancel', () => resolve(undefined));
    input.click();
  });
}

/** The message about runs that a reopened figure names but this store does not have. */
export function missingText({ missing, drawable }: ReopenedFigure): string | undefined {
  if (missing.length === 0) return undefined;
  const names = missing.slice(0, 3).join(', ') + (missing.length > 3 ? ' …' : '');
  const [runs, them] = missing.length === 1 ? ['a run', 'it'] : ['runs', 'them'];
  const told = `The figure is of ${runs} that this store does not have (${names})`;
  return drawable
    ? `${told}: it is drawn from the numbers in the file. Page, fonts, colours, axes and notes can be changed; for anything else import ${them}, or choose other runs at the left.`
    : `${told}, and the file carries no numbers to draw it from. Import ${them}, or choose other runs at the left.`;
}
