/** What the window shows, as the fragment of its address: back, forward and reload work. */

export const runTabs = ['overview', 'training', 'measurements', 'configuration', 'log'] as const;
export type RunTab = (typeof runTabs)[number];

export type Place =
  | { readonly screen: 'runs'; readonly bin?: boolean }
  | { readonly screen: 'run'; readonly run: string; readonly tab: RunTab; readonly measurement?: string }
  /** `from`: the run, or "example:<id>", that the form begins with. */
  | { readonly screen: 'new'; readonly from?: string }
  | { readonly screen: 'compare'; readonly runs: readonly string[] }
  | FiguresPlace
  | { readonly screen: 'data'; readonly name?: string }
  | { readonly screen: 'import' }
  | { readonly screen: 'settings' };

/**
 * Figures: `#/figures` lists the stored ones; `#/figures/saved/ID` opens one in the studio; `#/figures/new` opens the studio with what was last drawn there;
 * `#/figures/new/FIGURE/RUN,RUN/PARAMETER/STEP` begins a new figure of these results (FIGURE: a name of `figureTable`, src/shared/figures/recipe.ts;
 * what comes after the runs may be left out). Link to it with `placeText({ screen: 'figures', draw: { figure: 'C_H', runs: [id], parameter, step } })`.
 */
export interface FiguresPlace {
  readonly screen: 'figures';
  readonly saved?: string;
  readonly draw?: 'last' | FigureToDraw;
}

export interface FigureToDraw {
  readonly figure: string;
  readonly runs: readonly string[];
  readonly parameter?: string;
  readonly step?: number;
}

export function placeText(place: Place): string {
  switch (place.screen) {
    case 'runs':
      return place.bin === true ? '#/runs/bin' : '#/runs';
    case 'run':
      return `#/run/${place.run}/${place.tab}${place.measurement === undefined ? '' : `/${place.measurement}`}`;
    case 'new':
      return place.from === undefined ? '#/new' : `#/new/${encodeURIComponent(place.from)}`;
    case 'compare':
      return place.runs.length === 0 ? '#/compare' : `#/compare/${place.runs.join(',')}`;
    case 'data':
      return place.name === undefined ? '#/data' : `#/data/${encodeURIComponent(place.name)}`;
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

/** Anything that is no place is the table of runs. */
export function parsePlace(hash: string): Place {
  const [screen, first, second, third, fourth, fifth] = hash.replace(/^#\//, '').split('/').map(decoded);
  switch (screen) {
    case 'run': {
      if (first === undefined || !idForm.test(first)) break;
      const tab = runTabs.find((name) => name === second) ?? 'overview';
      return { screen, run: first, tab, ...(third !== undefined && { measurement: third }) };
    }
    case 'new':
      return { screen, ...(first !== undefined && { from: first }) };
    case 'compare':
      return { screen, runs: (first ?? '').split(',').filter((id) => idForm.test(id)) };
    case 'data':
      return { screen, ...(first !== undefined && { name: first }) };
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
            ...(parameter !== undefined && { parameter }),
            ...(step !== undefined && { step }),
          },
        };
      }
      return { screen };
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
  const { figure, runs, parameter, step } = draw;
  const rest = [
    ...(parameter === undefined && step === undefined ? [] : [parameter ?? '']),
    ...(step === undefined ? [] : [step]),
  ];
  return ['#/figures/new', figure, runs.join(','), ...rest.map(encodeURIComponent)].join('/');
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
