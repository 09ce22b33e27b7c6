/** Numbers as the terminal shows them. */
import { expect, test } from 'vitest';
import { formatNumber } from '../../../src/main/cli/format.ts';

test.each([
  [0, 3, '0'],
  [119.4, 3, '119'],
  [1063.2, 3, '1063'],
  [12345.6, 4, '12346'],
  [9999.7, 4, '10000'],
  [-2570.4, 3, '-2570'],
  [0.0012345, 3, '0.00123'],
  [0.000778, 3, '7.78 x 10^-4'],
  [123456.7, 3, '1.23 x 10^5'],
  [50000, 3, '50000'],
  [Infinity, 3, 'inf'],
  [null, 3, '-'],
])('%d with %d digits is %s', (value, digits, text) => expect(formatNumber(value, digits)).toBe(text));
