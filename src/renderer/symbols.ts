/** What is written in plain letters, for a terminal or a file, as a label with mathematics. Pure. */
import { plainLabel } from '../shared/figures/text/label.ts';

const signs =
  /(?<![\w.])(?:gamma|γ)(?<Q>_Q)?(?!\w|\.\w)|(?<shuffled>shuffled )(?:delta|δ)|(?<!\w)tr (?<traced>[CHQ])(?!\w)|(?<!\w)cos\((?<pair>[CHQ], [CHQ])\)|(?<!\w)(?<form>v · h v)(?!\w)|(?<![\w.])(?<letter>[CEFGHMQRS])(?:_(?<index>ii|11|dual|on_Q))?(?<square>\^2|²)?(?![\w’'-]|\.\w)/g;

/** "gamma_Q of C_ii" becomes "$\gamma_Q$ of $C_{ii}$". Capital letters alone are matrices (and R² and S of the statistics): no sentence of the interface has others. */
export function withSymbols(words: string): string {
  return plainLabel(words)
    .replace(signs, (...found) => {
      const { Q, shuffled, traced, pair, form, letter, index, square } = found.at(-1) as Readonly<
        Record<'Q' | 'shuffled' | 'traced' | 'pair' | 'form' | 'letter' | 'index' | 'square', string | undefined>
      >;
      if (shuffled !== undefined) return `${shuffled}$\\delta$`;
      if (traced !== undefined) return `$\\operatorname{tr} ${traced}$`;
      if (pair !== undefined) return `$\\cos(${pair})$`;
      if (form !== undefined) return '$v \\cdot h v$';
      if (letter === undefined) return `$\\gamma${Q ?? ''}$`;
      if (index === 'on_Q') return `$${letter}$ on $Q$`;
      const below = index === undefined ? '' : index === 'dual' ? '_{\\mathrm{dual}}' : `_{${index}}`;
      return `$${letter}${below}${square === undefined ? '' : '^2'}$`;
    })
    .replace(/(?<!\w)-(?=\d)/g, '−');
}
