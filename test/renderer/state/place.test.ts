/** Addresses of the window: what is on show comes back from its address, whole. */
import { describe, expect, it } from 'vitest';
import { parsePlace, placeText } from '../../../src/renderer/state/place.ts';
import type { Place } from '../../../src/renderer/state/place.ts';

describe('an address', () => {
  it.each<Place>([
    { screen: 'runs' },
    { screen: 'runs', bin: true },
    { screen: 'run', run: 'r-1', tab: 'overview' },
    { screen: 'run', run: 'r-1', tab: 'overview', layer: 'block1.conv-2/kernel', cutoff: 1e-5 },
    { screen: 'run', run: 'r-1', tab: 'measurements', measurement: 'm-2', view: 'spectra', cutoff: 0.00123 },
    { screen: 'new', from: 'example:glyphs-mlp' },
    { screen: 'compare', runs: ['a', 'b'] },
    { screen: 'figures', saved: 'f1' },
    { screen: 'figures', draw: 'last' },
    { screen: 'figures', draw: { figure: 'C_H', runs: ['a', 'b'], parameter: 'fc2.kernel', step: 12 } },
    {
      screen: 'figures',
      draw: { figure: 'gamma_hyperparameter', runs: ['a'], options: { cutoff: 1e-3, field: 'optimiser.lr' } },
    },
    { screen: 'figures', draw: { figure: 'spectra', runs: ['a'], options: { order: 'direction' } } },
    { screen: 'data', name: 'a/b?c' },
  ])('%j is read as it was written', (place) => {
    expect(parsePlace(placeText(place))).toEqual(place);
  });

  it.each([
    ['#/run/r1/overview?cutoff=2', { screen: 'run', run: 'r1', tab: 'overview' }],
    ['#/run/r1/overview?cutoff=-1&view=<b>', { screen: 'run', run: 'r1', tab: 'overview' }],
    ['#/run/r1/nowhere', { screen: 'run', run: 'r1', tab: 'overview' }],
    ['#/nowhere', { screen: 'runs' }],
  ])('%s leaves out what cannot be', (hash, place) => {
    expect(parsePlace(hash)).toEqual(place);
  });
});
