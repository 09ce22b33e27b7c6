/** What the window shows, as the fragment of its address: back, forward and reload work. */

export const runTabs = ['overview', 'training', 'measurements', 'configuration', 'log'] as const;
export type RunTab = (typeof runTabs)[number];

export type Place =
  | { readonly screen: 'runs'; readonly bin?: boolean }
  | { readonly screen: 'run'; readonly run: string; readonly tab: RunTab; readonly measurement?: string }
  /** `from`: the run, or "example:<id>", that the form begins with. */
  | { readonly screen: 'new'; readonly from?: string }
  | { readonly screen: 'compare'; readonly runs: readonly string[] }
  | { readonly screen: 'figures' }
  | { readonly screen: 'data'; readonly name?: string }
  | { readonly screen: 'settings' };

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
    case 'settings':
      return `#/${place.screen}`;
    default:
      place satisfies never;
      throw new Error('unknown place');
  }
}

/** Anything that is no place is the table of runs. */
export function parsePlace(hash: string): Place {
  const [screen, first, second, third] = hash.replace(/^#\//, '').split('/').map(decoded);
  switch (screen) {
    case 'run': {
      if (first === undefined || !/^[\w-]{1,64}$/.test(first)) break;
      const tab = runTabs.find((name) => name === second) ?? 'overview';
      return { screen, run: first, tab, ...(third !== undefined && { measurement: third }) };
    }
    case 'new':
      return { screen, ...(first !== undefined && { from: first }) };
    case 'compare':
      return { screen, runs: (first ?? '').split(',').filter((id) => /^[\w-]{1,64}$/.test(id)) };
    case 'data':
      return { screen, ...(first !== undefined && { name: first }) };
    case 'figures':
    case 'settings':
      return { screen };
    case 'runs':
      if (first === 'bin') return { screen, bin: true };
  }
  return { screen: 'runs' };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
