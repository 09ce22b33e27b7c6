/** What the window shows, as the fragment of its address: back, forward and reload work. */

export const runTabs = ['overview', 'training', 'measurements', 'configuration', 'log'] as const;
export type RunTab = (typeof runTabs)[number];

export type Place =
  | { readonly screen: 'runs'; readonly bin?: boolean | undefined }
  | RunPlace
  /** `from`: the run, or "example:<id>", that the form begins with. */
  | { readonly screen: 'new'; readonly from?: string | undefined }
  | { readonly screen: 'compare'; readonly runs: readonly string[] }
  | FiguresPlace
  | { readonly screen: 'data'; readonly name?: string | undefined }
  /** `sweep`: of those on clusters, the one shown; the newest if none is named. */
  | { readonly screen: 'cluster'; readonly sweep?: string | undefined }
  | { readonly screen: 'import' }
  | { readonly screen: 'settings' };

/**
 * A tab of a run; of its measurements one, in one of its views (MeasurementView.svelte), at a cutoff. A cutoff left out is the default; a layer left out is that of the
 * measurement, or the run's main one.
 */
export interface RunPlace {
  readonly screen: 'run';
  readonly run: string;
  readonly tab: RunTab;
  readonly measurement?: string | undefined;
  readonly view?: string | undefined;
  /** "fc2.kernel". */
  readonly layer?: string | undefined;
  readonly cutoff?: number | undefined;
}

/**
 * Figures: `#/figures` lists the stored ones; `#/figures/saved/ID` opens one in the studio; `#/figures/new` opens the studio with what was last drawn there;
 * `#/figures/new/FIGURE/RUN,RUN/PARAMETER/STEP?cutoff=0.01` begins a new figure of these results (FIGURE: a name of `figureTable`, src/shared/figures/recipe.ts;
 * what comes after the runs may be left out). Link to it with `placeText({ screen: 'figures', draw: { figure: 'C_H', runs: [id], parameter, step } })`.
 */
export interface FiguresPlace {
  readonly screen: 'figures';
  readonly saved?: string | undefined;
  readonly draw?: 'last' | FigureToDraw | undefined;
}

export interface FigureToDraw {
  readonly figure: string;
  readonly runs: readonly string[];
  readonly parameter?: string | undefined;
  readonly step?: number | undefined;
  readonly options?: DrawOptions | undefined;
}

/** What is chosen where the figure is seen goes with it; a figure takes those that it has. */
export interface DrawOptions {
  readonly cutoff?: number | undefined;
  readonly estimand?: string | undefined;
  /** The setting on the axis. */
  readonly field?: string | undefined;
  readonly metric?: string | undefined;
  /** What spectra stand against. */
  readonly order?: string | undefined;
}

export function placeText(place: Place): string {
  switch (place.screen) {
    case 'runs':
      return place.bin === true ? '#/runs/bin' : '#/runs';
    case 'run':
      return withQuery(
        `#/run/${place.run}/${place.tab}${place.measurement === undefined ? '' : `/${place.measurement}`}`,
        { view: place.view, layer: place.layer, cutoff: place.cutoff },
      );
    case 'new':
      return place.from === undefined ? '#/new' : `#/new/${encodeURIComponent(place.from)}`;
    case 'compare':
      return place.runs.length === 0 ? '#/compare' : `#/compare/${place.runs.join(',')}`;
    case 'data':
      return place.name === undefined ? '#/data' : `#/data/${encodeURIComponent(place.name)}`;
    case 'cluster':
      return place.sweep === undefined ? '#/cluster' : `#/cluster/${place.sweep}`;
    case 'figures':
      return figuresText(place);
    case 'import':
      return '#/import';
    case 'settings':
      return '#/settings';
    default:
      place satisfies never;
      throw new Error('unknown place');
  }
}

/** Anything that is not a place leads to the table of runs. */
export function parsePlace(hash: string): Place {
  const [path, query = ''] = hash.replace(/^#\//, '').split('?', 2);
  const [screen, first, second, third, fourth, fifth] = path.split('/').map(decoded);
  const asked = new URLSearchParams(query);
  const number = Number(asked.get('cutoff') ?? NaN);
  const cutoff = number > 0 && number < 1 ? number : undefined;
  switch (screen) {
    case 'run': {
      if (first === undefined || !idForm.test(first)) break;
      const tab = runTabs.find((name) => name === second) ?? 'overview';
      const [view, layer] = [asked.get('view') ?? '', asked.get('layer') ?? ''];
      return {
        screen,
        run: first,
        tab,
        measurement: third,
        view: /^\w{1,40}$/.test(view) ? view : undefined,
        layer: /^[\w./-]{1,200}$/.test(layer) ? layer : undefined,
        cutoff,
      };
    }
    case 'new':
      return { screen, from: first };
    case 'compare':
      return { screen, runs: (first ?? '').split(',').filter((id) => idForm.test(id)) };
    case 'data':
      return { screen, name: first };
    case 'figures':
      if (first === 'saved' && second !== undefined && idForm.test(second)) return { screen, saved: second };
      if (first === 'new') {
        const runs = (third ?? '').split(',').filter((id) => idForm.test(id));
        if (second === undefined || !/^\w{1,64}$/.test(second)) return { screen, draw: 'last' };
        const step = fifth === undefined || !/^\d{1,15}$/.test(fifth) ? undefined : Number(fifth);
        const parameter = fourth === undefined || fourth === '' ? undefined : fourth;
        return {
          screen,
          draw: {
            figure: second,
            runs,
            parameter,
            step,
            options: query === '' ? undefined : drawOptions(asked, cutoff),
          },
        };
      }
      return { screen };
    case 'cluster':
      return { screen, sweep: first !== undefined && idForm.test(first) ? first : undefined };
    case 'import':
    case 'settings':
      return { screen };
    case 'runs':
      if (first === 'bin') return { screen, bin: true };
  }
  return { screen: 'runs' };
}

const idForm = /^[\w-]{1,64}$/;

function figuresText({ saved, draw }: FiguresPlace): string {
  if (saved !== undefined) return `#/figures/saved/${saved}`;
  if (draw === undefined) return '#/figures';
  if (draw === 'last') return '#/figures/new';
  const { figure, runs, parameter, step, options = {} } = draw;
  const rest = [
    ...(parameter === undefined && step === undefined ? [] : [parameter ?? '']),
    ...(step === undefined ? [] : [step]),
  ];
  return withQuery(['#/figures/new', figure, runs.join(','), ...rest.map(encodeURIComponent)].join('/'), {
    ...options,
  });
}

function drawOptions(asked: URLSearchParams, cutoff: number | undefined): DrawOptions {
  const texts = (['estimand', 'field', 'metric', 'order'] as const).flatMap((name) => {
    const text = asked.get(name);
    return text === null || text === '' ? [] : [[name, text] as const];
  });
  return { cutoff, ...Object.fromEntries(texts) };
}

/** What is undefined is left out. */
function withQuery(path: string, values: Readonly<Record<string, string | number | undefined>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) if (value !== undefined) query.set(name, String(value));
  const text = query.toString();
  return text === '' ? path : `${path}?${text}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
