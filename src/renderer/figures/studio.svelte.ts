/** The figure that is being edited: its recipe with undo, its drawing, and which panel is edited. */
import { definedOf } from '../../shared/defined.ts';
import type { RenderedFigure } from '../../shared/contract/index.ts';
import {
  drawsPanels,
  parseRecipe,
  splitOptions,
  type FigureRecipe,
  type FigureSource,
} from '../../shared/figures/recipe.ts';
import { figureTable, type FigureName } from '../../shared/figures/catalogue.ts';
import type { RecipeOptions } from '../../shared/figures/recipe-options.ts';
import { estimands } from '../../shared/estimands.ts';
import { settingName } from '../../shared/settings.ts';
import { reordered } from '../reordered.ts';
import { faultOf, type App } from '../state/app.svelte.ts';
import { Kept } from '../state/kept.svelte.ts';
import type { DrawOptions, FigureToDraw } from '../state/place.ts';

/** Changes of one field within this many milliseconds count as one step of undo. */
const coalesceMilliseconds = 1000;
/** Milliseconds of quiet before a change is drawn. */
const drawMilliseconds = 40;
const mostSteps = 200;

type Options = { readonly [K in keyof RecipeOptions]?: RecipeOptions[K] | undefined };

export function emptyRecipe(figure: FigureName = 'C_H'): FigureRecipe {
  return {
    format: 'covature-figure-recipe',
    version: 1,
    name: figureTable[figure].title,
    figure,
    sources: [],
    options: {},
  };
}

/** The figure that the address asks for; an unknown name gives C against H. */
export function recipeOf({ figure, runs, parameter, step, options = {} }: FigureToDraw): FigureRecipe {
  const name = Object.hasOwn(figureTable, figure) ? (figure as FigureName) : 'C_H';
  const sources = runs.map((run) => definedOf({ run, parameter, step }));
  return { ...emptyRecipe(name), sources, options: optionsOf(name, options) };
}

/** The options that the figure has; values that are not among its choices are left out. */
function optionsOf(figure: FigureName, options: DrawOptions): RecipeOptions {
  const known = Object.keys(figureTable[figure].options);
  const { estimand, ...others } = options;
  const named = estimands.find((each) => each === estimand);
  const given = {
    ...others,
    ...(named !== undefined && known.includes('estimand') && { estimand: named }),
  };
  return Object.fromEntries(Object.entries(given).filter(([name]) => known.includes(name)));
}

/** The studio as it was last left: the recipe, and the stored figure that it is. */
type Draft = Readonly<Pick<Studio, 'recipe' | 'id'>>;

function readDraft(stored: unknown): Draft | undefined {
  const { recipe, id } = stored as { readonly recipe?: unknown; readonly id?: unknown };
  try {
    return { recipe: parseRecipe(recipe), id: typeof id === 'string' ? id : null };
  } catch {
    // Kept by another version of the program: start afresh.
    return undefined;
  }
}

/** What the studio continues with. */
export function draftOf(app: App): Kept<Draft> {
  return Kept.of<Draft>(app, 'figures.draft', { recipe: emptyRecipe(), id: null }, readDraft);
}

export class Studio {
  readonly #app: App;
  readonly #draft: Kept<Draft>;
  #recipe = $state.raw<FigureRecipe>(emptyRecipe());
  #past = $state.raw<readonly FigureRecipe[]>([]);
  #future = $state.raw<readonly FigureRecipe[]>([]);
  /** The stored figure that this is; null: not stored yet. */
  id = $state<string | null>(null);
  /** The recipe as it was last stored. */
  #stored = $state.raw<FigureRecipe | null>(null);
  /** Number of the panel that is edited, if there are panels. */
  panel = $state(0);
  rendered = $state.raw<RenderedFigure | null>(null);
  /** Of `rendered`. */
  drawnIn = $state<number | null>(null);
  problem = $state<string | null>(null);
  /** Whether the problem lies outside the recipe, so that drawing again may help. */
  passing = $state(false);
  drawing = $state(false);
  #last: { readonly key: string; readonly time: number } | null = null;
  #drawTimer: ReturnType<typeof setTimeout> | undefined;
  #wanted = 0;
  #busy = false;

  #stopListening: () => void;

  constructor(app: App) {
    this.#app = app;
    this.#draft = draftOf(app);
    // A request pending when the connection was lost is never answered.
    this.#stopListening = app.client.onState((state) => {
      if (state.kind === 'connected' && state.again) void this.draw();
    });
  }

  get recipe(): FigureRecipe {
    return this.#recipe;
  }

  /** The recipe whose sources and options are edited: a panel, or the figure itself. */
  get edited(): FigureRecipe {
    return this.#recipe.panels?.[this.panel] ?? this.#recipe;
  }

  get figure(): FigureName {
    const { figure } = this.edited;
    return figure === 'panels' ? 'C_H' : figure;
  }

  get hasPanels(): boolean {
    return drawsPanels(this.#recipe);
  }

  get canUndo(): boolean {
    return this.#past.length > 0;
  }

  get canRedo(): boolean {
    return this.#future.length > 0;
  }

  /** Whether there are unsaved changes. */
  get changed(): boolean {
    return this.#stored !== null && JSON.stringify(this.#stored) !== JSON.stringify(this.#recipe);
  }

  /** Starts with a recipe and clears the undo history. */
  open(recipe: FigureRecipe, id: string | null): void {
    this.#recipe = recipe;
    this.#past = [];
    this.#future = [];
    this.#last = null;
    this.#stored = id === null ? null : recipe;
    this.id = id;
    this.panel = 0;
    this.rendered = null;
    this.problem = null;
    this.#touched();
  }

  /** The last content of the studio; an empty figure if there is none. */
  async openLast(): Promise<void> {
    await this.#draft.read;
    const { recipe, id } = this.#draft.value;
    this.open(recipe, id);
  }

  /** One step for undo; steps of the same `key` in quick succession are one. */
  change(recipe: FigureRecipe, key = ''): void {
    if (JSON.stringify(recipe) === JSON.stringify(this.#recipe)) return;
    const now = Date.now();
    const same = key !== '' && this.#last?.key === key && now - this.#last.time < coalesceMilliseconds;
    if (!same) this.#past = [...this.#past.slice(-mostSteps + 1), this.#recipe];
    this.#last = { key, time: now };
    this.#future = [];
    this.#recipe = recipe;
    this.panel = Math.min(this.panel, Math.max(0, (recipe.panels?.length ?? 1) - 1));
    this.#touched();
  }

  undo(): void {
    const before = this.#past.at(-1);
    if (before === undefined) return;
    this.#past = this.#past.slice(0, -1);
    this.#future = [...this.#future, this.#recipe];
    this.#goTo(before);
  }

  redo(): void {
    const after = this.#future.at(-1);
    if (after === undefined) return;
    this.#future = this.#future.slice(0, -1);
    this.#past = [...this.#past, this.#recipe];
    this.#goTo(after);
  }

  /** A new figure, and its files, are named after its run or after what differs between its runs. */
  async nameByRuns(): Promise<void> {
    const recipe = this.#recipe;
    const ids = [...new Set(recipe.sources.map(({ run }) => run))];
    if (ids.length === 0) return;
    const answers = await this.#app.attempt(() =>
      Promise.all([
        this.#app.client.request('runs.rows', { ids: ids.slice(0, 500) }),
        this.#app.client.request('runs.varied', { ids: ids.slice(0, 500) }),
      ]),
    );
    const [rows, varied] = answers ?? [[], []];
    const settings = varied.slice(0, 3).map(({ path }) => settingName(path));
    const last = settings.at(-1);
    const by = settings.length > 1 ? `${settings.slice(0, -1).join(', ')} and ${last}` : last;
    const of = rows.length === 1 ? `, ${rows[0].name}` : by === undefined ? '' : ` by ${by}`;
    // The name was changed in the meantime and is kept.
    if (of === '' || this.#recipe.name !== recipe.name) return;
    this.#recipe = { ...this.#recipe, name: `${recipe.name}${of}` };
    this.#touched();
  }

  rename(name: string): void {
    this.change({ ...this.#recipe, name }, 'name');
  }

  /** Changes what is edited: a panel, or the figure. */
  edit(change: Partial<FigureRecipe>, key = ''): void {
    const { panels } = this.#recipe;
    if (panels === undefined) this.change({ ...this.#recipe, ...change }, key);
    else
      this.change(
        { ...this.#recipe, panels: panels.map((panel, k) => (k === this.panel ? { ...panel, ...change } : panel)) },
        key,
      );
  }

  /** Options of what is edited; undefined takes one away. */
  set(options: Options, key: string = Object.keys(options).join()): void {
    this.edit({ options: merged(this.edited.options, options) }, `${this.panel}:${key}`);
  }

  /** Options of the page; panels follow its style. */
  setPage(options: Options, key: string = Object.keys(options).join()): void {
    this.change({ ...this.#recipe, options: merged(this.#recipe.options, options) }, `page:${key}`);
  }

  setFigure(figure: FigureName): void {
    const from = this.figure;
    const { title } = figureTable[from];
    const formerName = this.edited.name;
    // The part after the title (the run, or what differs) is kept.
    const name =
      formerName === title || formerName.startsWith(`${title}, `) || formerName.startsWith(`${title} by `)
        ? `${figureTable[figure].title}${formerName.slice(title.length)}`
        : formerName;
    // Options that the new figure does not have would reappear with a later one; limits and labels belong to the axes of the old one.
    const shared = Object.entries(this.edited.options).filter(
      ([option]) =>
        !Object.hasOwn(figureTable[from].options, option) || Object.hasOwn(figureTable[figure].options, option),
    );
    const { x: _x, y: _y, ...options } = Object.fromEntries(shared) as RecipeOptions;
    this.edit({ figure, name, options });
  }

  setSources(sources: readonly FigureSource[]): void {
    this.edit({ sources });
  }

  /** The same figure of other runs: every panel keeps its layer, and takes the last step of each run. */
  useRunsEverywhere(runs: readonly string[]): void {
    const panels = (this.#recipe.panels ?? []).map((panel) => {
      const parameters = [...new Set(panel.sources.map(({ parameter }) => parameter))];
      const layers = parameters.length === 0 ? [undefined] : parameters;
      const sources = runs.flatMap((run) =>
        layers.map((parameter) => ({ run, ...(parameter !== undefined && { parameter }) })),
      );
      return { ...panel, sources };
    });
    this.change({ ...this.#recipe, panels });
  }

  /** A further panel like the one that is edited; a single figure becomes the first of two, and the second shows what often stands beside it. */
  addPanel(): void {
    const recipe = this.#recipe;
    if (recipe.panels === undefined) {
      const { page, own } = splitOptions(recipe.options);
      const first: FigureRecipe = { ...recipe, options: own };
      this.change({ ...recipe, figure: 'panels', sources: [], options: page, panels: [first, besides(first)] });
      this.panel = 1;
      return;
    }
    const next = this.panel + 1;
    this.change({ ...recipe, panels: [...recipe.panels.slice(0, next), this.edited, ...recipe.panels.slice(next)] });
    this.panel = next;
  }

  /** If one panel is left, it becomes the figure. */
  removePanel(at: number): void {
    const recipe = this.#recipe;
    const panels = (recipe.panels ?? []).filter((_, k) => k !== at);
    if (panels.length === 0) return;
    const [only] = panels;
    if (panels.length > 1) this.change({ ...recipe, panels });
    else this.change({ ...only, name: recipe.name, options: { ...only.options, ...recipe.options } });
  }

  movePanel(at: number, by: -1 | 1): void {
    const { panels = [] } = this.#recipe;
    const to = at + by;
    if (to < 0 || to >= panels.length) return;
    this.change({ ...this.#recipe, panels: reordered(panels, at, to) });
    this.panel = to;
  }

  /** Stores it under its name. */
  async save(asCopy = false): Promise<boolean> {
    const recipe = this.#recipe;
    const saved = await this.#app.attempt(() =>
      this.#app.client.request('figures.save', {
        ...(this.id !== null && !asCopy && { id: this.id }),
        name: recipe.name.trim() === '' ? 'Figure' : recipe.name,
        recipe,
      }),
    );
    if (saved === undefined) return false;
    this.id = saved.id;
    this.#stored = recipe;
    this.#keep();
    return true;
  }

  #goTo(recipe: FigureRecipe): void {
    this.#last = null;
    this.#recipe = recipe;
    this.panel = Math.min(this.panel, Math.max(0, (recipe.panels?.length ?? 1) - 1));
    this.#touched();
  }

  #touched(): void {
    clearTimeout(this.#drawTimer);
    this.#drawTimer = setTimeout(() => void this.draw(), drawMilliseconds);
    this.#keep();
  }

  #keep(): void {
    this.#draft.value = { recipe: this.#recipe, id: this.id };
  }

  /** Draws the recipe as it is now; one drawing at a time, then only the newest recipe. */
  async draw(): Promise<void> {
    const number = ++this.#wanted;
    if (this.#busy) return;
    const recipe = this.#recipe;
    if (
      recipe.panels === undefined ? recipe.sources.length === 0 : recipe.panels.every((one) => one.sources.length === 0)
    ) {
      this.rendered = null;
      this.problem = null;
      return;
    }
    this.#busy = true;
    this.drawing = true;
    const began = performance.now();
    try {
      this.rendered = await this.#app.client.request('figures.render', { recipe });
      this.drawnIn = performance.now() - began;
      this.problem = null;
    } catch (error) {
      const fault = faultOf(error);
      this.passing = fault.code !== 'bad-input';
      this.problem = fault.message;
    } finally {
      this.#busy = false;
      this.drawing = false;
    }
    if (this.#wanted !== number) await this.draw();
  }

  close(): void {
    clearTimeout(this.#drawTimer);
    this.#stopListening();
  }
}

/** The figure of the same results that most often accompanies another one; both take equally many sources. */
const companions: Readonly<Partial<Record<FigureName, FigureName>>> = {
  C_H: 'C_Q',
  C_Q: 'C_H',
  Q_H: 'C_H',
  spectra: 'C_H',
  gamma_cutoff: 'C_H',
  gamma_hyperparameter: 'curves',
  curves: 'gamma_hyperparameter',
};

function besides(recipe: FigureRecipe): FigureRecipe {
  const figure = recipe.figure === 'panels' ? undefined : companions[recipe.figure];
  if (figure === undefined) return recipe;
  const known = figureTable[figure].options;
  const options = Object.fromEntries(Object.entries(recipe.options).filter(([name]) => Object.hasOwn(known, name)));
  return { ...recipe, figure, name: figureTable[figure].title, options };
}

/** Options with changes; undefined values, empty texts and empty objects are removed. */
function merged(options: RecipeOptions, changes: Options): RecipeOptions {
  const entries = Object.entries({ ...options, ...changes }).filter(
    ([, value]) =>
      value !== undefined &&
      value !== '' &&
      !(typeof value === 'object' && !Array.isArray(value) && Object.keys(value).length === 0),
  );
  return Object.fromEntries(entries);
}
