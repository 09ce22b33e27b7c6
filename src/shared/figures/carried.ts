/**
 * Figures of runs that this store does not have, drawn from the contents of an exported file: the specification with its numbers. How such a figure looks can be
 * changed (page, fonts, colours, axes, notes); what it shows cannot, as that is computed from results.
 */
import { base64, fromBase64 } from '../base64.ts';
import { definedOf } from '../defined.ts';
import { InputError } from '../errors.ts';
import { pageOf, type FigureOptions } from './figures/common.ts';
import { composePanels } from './figures/panels.ts';
import { letterOf, panelOfLetter } from './layout/frames.ts';
import { packDocument, unpackDocument, type FigureDocument } from './metadata.ts';
import { expandRecipe, type FigureRecipe } from './recipe.ts';
import { pageOptions, type RecipeOptions } from './recipe-options.ts';
import type { Axis, FigureSpec, Panel } from './types.ts';

/** The recipe of an exported file, with the file's numbers in it where it has them. */
export function withCarried({ spec, recipe }: FigureDocument & { readonly recipe: FigureRecipe }): FigureRecipe {
  return spec === undefined ? recipe : { ...recipe, carried: base64(packDocument({ spec, recipe })) };
}

export function withoutCarried({ carried: _, ...recipe }: FigureRecipe): FigureRecipe {
  return recipe;
}

/** Raises InputError if the recipe asks for another figure than the one that it carries, saying how they differ. */
export function drawCarried(recipe: FigureRecipe): FigureSpec {
  const { spec, recipe: made } = unpackDocument(fromBase64(recipe.carried ?? ''));
  if (spec === undefined || made === undefined) throw new InputError(`the recipe "${recipe.name}" carries no figure`);
  const changed = [...new Set(differences(made, recipe))];
  if (changed.length > 0)
    throw new InputError(
      `this figure is drawn from the numbers in its file, because the store does not have its runs: page, fonts, colours, axes and notes can be changed, not what it shows (${changed.join(', ')}). Undo that, import the runs, or choose other runs`,
    );
  return spec.kind === 'panels' ? panelsRestyled(spec, made, recipe) : restyled(spec, made.options, recipe.options);
}

const looks: ReadonlySet<string> = new Set([...Object.keys(pageOptions), 'x', 'y', 'title', 'annotations', 'points']);

/** The differences between two recipes other than their looks, by name. */
function differences(a: FigureRecipe, b: FigureRecipe): string[] {
  const same = (x: unknown, y: unknown): boolean => JSON.stringify(x) === JSON.stringify(y);
  const withoutLooks = (options: RecipeOptions): Map<string, unknown> =>
    new Map(Object.entries(options).filter(([name]) => !looks.has(name)));
  const [before, after] = [withoutLooks(a.options), withoutLooks(b.options)];
  const options = [...new Set([...before.keys(), ...after.keys()])].filter(
    (name) => !same(before.get(name), after.get(name)),
  );
  const [panels, others] = [a.panels ?? [], b.panels ?? []];
  return [
    ...(a.figure === b.figure ? [] : ['figure']),
    ...(same(a.sources, b.sources) ? [] : ['runs']),
    ...options,
    ...(panels.length === others.length
      ? panels.flatMap((panel, k) => differences(panel, others[k]))
      : ['number of panels']),
  ];
}

function restyled(spec: FigureSpec, before: RecipeOptions, now: RecipeOptions): FigureSpec {
  const single = spec.panels.length === 1;
  return {
    ...spec,
    ...pageOf(now as FigureOptions),
    panels: spec.panels.map((panel) =>
      single
        ? panelRestyled(panel, before, now)
        : { ...panel, x: spec.shareX ? axisRestyled(panel.x, before.x, now.x) : panel.x },
    ),
  };
}

function panelsRestyled(spec: FigureSpec, made: FigureRecipe, recipe: FigureRecipe): FigureSpec {
  const [before, now] = [expandRecipe(made), expandRecipe(recipe)];
  const [olds, news] = [before.panels ?? [], now.panels ?? []];
  // A figure of several panels among them (over training) has axes of its own.
  const matching = news.length === spec.panels.length;
  const first = news[0]?.options ?? {};
  const panels = spec.panels.map((panel, k) =>
    matching ? panelRestyled(panel, olds[k].options, news[k].options) : panel,
  );
  const composed = composePanels([{ ...spec, ...pageOf(first as FigureOptions), panels }], now.options);
  const notes = composed.notes.map((note) => relettered(note, composed));
  return { ...composed, title: now.options.title ?? spec.title, description: spec.description, notes };
}

/** A note behind the letters of its panels ("(a), (c): ..."), with letters as the style has them now. */
function relettered(note: string, { letters, style }: FigureSpec): string {
  const match = /^(\(?[a-z]{1,2}\)?(?:(?:–|, )\(?[a-z]{1,2}\)?)*): /.exec(note);
  if (match === null) return note;
  const rest = note.slice(match[0].length);
  if (!letters) return rest;
  const list = match[1].replace(/\(?([a-z]+)\)?/g, (_, letter: string) =>
    letterOf(panelOfLetter(letter), style.panelLabels),
  );
  return `${list}: ${rest}`;
}

function panelRestyled(panel: Panel, before: RecipeOptions, now: RecipeOptions): Panel {
  const { title, annotations = [], ...rest } = panel;
  const added = annotations.slice(0, annotations.length - (before.annotations?.length ?? 0));
  const notes = [...added, ...(now.annotations ?? [])];
  const heading = now.title ?? (before.title === undefined ? title : undefined);
  return {
    ...rest,
    x: axisRestyled(panel.x, before.x, now.x),
    y: axisRestyled(panel.y, before.y, now.y),
    ...definedOf({ title: heading, annotations: notes.length === 0 ? undefined : notes }),
  };
}

/** A label that is taken back stays: the figure's own is not in the file. Limits go back to those of the data. */
function axisRestyled(axis: Axis, before: RecipeOptions['x'] = {}, now: RecipeOptions['x'] = {}): Axis {
  const { min, max, ...rest } = axis;
  return {
    ...rest,
    ...definedOf({
      min: before.min === undefined ? min : undefined,
      max: before.max === undefined ? max : undefined,
    }),
    ...now,
  };
}
