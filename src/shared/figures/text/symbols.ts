/** The vocabulary of TeX mathematics in labels: commands to characters with their spacing class, alphabets, accents, operator names. */

/** TeX's classes of atoms, which set the spaces between them. */
export type AtomClass = 'ord' | 'op' | 'bin' | 'rel' | 'open' | 'close' | 'punct' | 'inner';

const table = (spec: string): [string, string][] =>
  spec
    .trim()
    .split(/\s+/)
    .map((entry) => {
      const cut = entry.indexOf('=');
      return [entry.slice(0, cut), entry.slice(cut + 1)];
    });

const ordinary = table(`
  alpha=α beta=β gamma=γ delta=δ epsilon=ϵ varepsilon=ε zeta=ζ eta=η theta=θ vartheta=ϑ iota=ι kappa=κ varkappa=ϰ lambda=λ mu=μ nu=ν xi=ξ
  omicron=ο pi=π varpi=ϖ rho=ρ varrho=ϱ sigma=σ varsigma=ς tau=τ upsilon=υ phi=ϕ varphi=φ chi=χ psi=ψ omega=ω
  Gamma=Γ Delta=Δ Theta=Θ Lambda=Λ Xi=Ξ Pi=Π Sigma=Σ Upsilon=Υ Phi=Φ Psi=Ψ Omega=Ω
  partial=∂ nabla=∇ infty=∞ ell=ℓ hbar=ℏ imath=ı jmath=ȷ Re=ℜ Im=ℑ aleph=ℵ emptyset=∅ varnothing=∅ forall=∀ exists=∃ neg=¬ lnot=¬
  prime=′ degree=° angle=∠ triangle=△ square=□ blacksquare=■ bullet=• star=⋆ dagger=† ddagger=‡ ldots=… dots=… cdots=⋯ vdots=⋮ ddots=⋱
  top=⊤ bot=⊥ percent=% S=§ checkmark=✓ sharp=♯ flat=♭ natural=♮ mid=∣ colon=: euro=€ AA=Å
`);
const binary = table(`
  pm=± mp=∓ times=× div=÷ cdot=⋅ ast=∗ star=⋆ circ=∘ bullet=• cap=∩ cup=∪ setminus=∖ wedge=∧ land=∧ vee=∨ lor=∨ oplus=⊕ ominus=⊖
  otimes=⊗ odot=⊙ sqcup=⊔ sqcap=⊓ uplus=⊎ amalg=⨿ dagger=† wr=≀
`);
const relations = table(`
  le=≤ leq=≤ ge=≥ geq=≥ ll=≪ gg=≫ ne=≠ neq=≠ equiv=≡ sim=∼ simeq=≃ approx=≈ cong=≅ propto=∝ lesssim=≲ gtrsim=≳ in=∈ ni=∋ notin=∉
  subset=⊂ supset=⊃ subseteq=⊆ supseteq=⊇ to=→ rightarrow=→ leftarrow=← gets=← leftrightarrow=↔ Rightarrow=⇒ Leftarrow=⇐
  Leftrightarrow=⇔ iff=⇔ implies=⇒ mapsto=↦ longrightarrow=⟶ uparrow=↑ downarrow=↓ perp=⊥ parallel=∥ prec=≺ succ=≻ asymp=≍ doteq=≐
  vdash=⊢ dashv=⊣ models=⊨ lessgtr=≶ leqslant=⩽ geqslant=⩾ coloneqq=≔ triangleq=≜
`);
const large = table(
  `sum=∑ prod=∏ coprod=∐ int=∫ oint=∮ iint=∬ bigcup=⋃ bigcap=⋂ bigoplus=⨁ bigotimes=⨂ bigvee=⋁ bigwedge=⋀`,
);
const openers = table('langle=⟨ lfloor=⌊ lceil=⌈ lbrace={ lbrack=[ lvert=| lVert=‖');
const closers = table('rangle=⟩ rfloor=⌋ rceil=⌉ rbrace=} rbrack=] rvert=| rVert=‖');

export interface MathSymbol {
  readonly character: string;
  readonly atom: AtomClass;
  /** A large operator: grows in display style and may take its limits above and below. */
  readonly large?: boolean;
}

export const symbols: ReadonlyMap<string, MathSymbol> = new Map([
  ...ordinary.map(([name, character]): [string, MathSymbol] => [name, { character, atom: 'ord' }]),
  ...binary.map(([name, character]): [string, MathSymbol] => [name, { character, atom: 'bin' }]),
  ...relations.map(([name, character]): [string, MathSymbol] => [name, { character, atom: 'rel' }]),
  ...large.map(([name, character]): [string, MathSymbol] => [name, { character, atom: 'op', large: true }]),
  ...openers.map(([name, character]): [string, MathSymbol] => [name, { character, atom: 'open' }]),
  ...closers.map(([name, character]): [string, MathSymbol] => [name, { character, atom: 'close' }]),
  ['|', { character: '‖', atom: 'ord' }],
  ['Vert', { character: '‖', atom: 'ord' }],
  ['vert', { character: '|', atom: 'ord' }],
  ['mid', { character: '∣', atom: 'rel' }],
  ['{', { character: '{', atom: 'open' }],
  ['}', { character: '}', atom: 'close' }],
  ['%', { character: '%', atom: 'ord' }],
  ['#', { character: '#', atom: 'ord' }],
  ['&', { character: '&', atom: 'ord' }],
  ['$', { character: '$', atom: 'ord' }],
  ['_', { character: '_', atom: 'ord' }],
]);

/** Characters typed as they are. */
export function symbolOf(character: string): MathSymbol {
  if ('+−±∓×÷⋅∗∘∩∪∧∨⊕⊗⊙'.includes(character)) return { character, atom: 'bin' };
  if (character === '-') return { character: '−', atom: 'bin' };
  if (character === '*') return { character: '∗', atom: 'bin' };
  if ('=<>≤≥≪≫≠≡∼≃≈≅∝∈∉⊂⊆→←↔⇒⇔≲≳:'.includes(character)) return { character, atom: 'rel' };
  if ('([⟨⌊⌈'.includes(character)) return { character, atom: 'open' };
  if (')]⟩⌋⌉!?'.includes(character)) return { character, atom: 'close' };
  if (',;'.includes(character)) return { character, atom: 'punct' };
  if ('∑∏∫'.includes(character)) return { character, atom: 'op', large: true };
  return { character, atom: 'ord' };
}

/** Names set upright, with a thin space around; those in the second list take limits below in display style. */
export const operatorNames = new Set(
  'log ln lg exp sin cos tan cot sec csc sinh cosh tanh arcsin arccos arctan arg deg dim hom ker'.split(' '),
);
export const limitOperators = new Set('lim limsup liminf max min sup inf det Pr gcd argmax argmin'.split(' '));

/** Spaces in mu (1/18 em). */
export const spaces: ReadonlyMap<string, number> = new Map([
  [',', 3],
  [':', 4],
  ['>', 4],
  [';', 5],
  ['!', -3],
  [' ', 6],
  ['quad', 18],
  ['qquad', 36],
  ['thinspace', 3],
  ['medspace', 4],
  ['thickspace', 5],
  ['enspace', 9],
]);

export interface Accent {
  readonly character: string;
  readonly stretch: boolean;
}

/** Accents: the combining character whose glyph is put over (or stretched over) the base. */
export const accents: ReadonlyMap<string, Accent> = new Map<string, Accent>(
  table('hat=̂ tilde=̃ bar=̄ vec=⃗ dot=̇ ddot=̈ check=̌ breve=̆ acute=́ grave=̀ mathring=̊').map(
    ([name, character]): [string, Accent] => [name, { character, stretch: false }],
  ),
)
  .set('widehat', { character: '̂', stretch: true })
  .set('widetilde', { character: '̃', stretch: true });

export type Alphabet = 'default' | 'rm' | 'it' | 'bf' | 'bi' | 'cal' | 'bb' | 'frak' | 'sf' | 'tt';

export const alphabetCommands: ReadonlyMap<string, Alphabet> = new Map([
  ['mathrm', 'rm'],
  ['mathup', 'rm'],
  ['mathit', 'it'],
  ['mathbf', 'bf'],
  ['boldsymbol', 'bi'],
  ['bm', 'bi'],
  ['mathcal', 'cal'],
  ['mathscr', 'cal'],
  ['mathbb', 'bb'],
  ['mathfrak', 'frak'],
  ['mathsf', 'sf'],
  ['mathtt', 'tt'],
]);

/** Code points that Unicode had given out before the mathematical alphabets. */
const holes: Readonly<Record<string, string>> = {
  'it:h': 'ℎ',
  'cal:B': 'ℬ', 'cal:E': 'ℰ', 'cal:F': 'ℱ', 'cal:H': 'ℋ', 'cal:I': 'ℐ', 'cal:L': 'ℒ', 'cal:M': 'ℳ', 'cal:R': 'ℛ', 'cal:e': 'ℯ', 'cal:g': 'ℊ', 'cal:o': 'ℴ',
  'bb:C': 'ℂ', 'bb:H': 'ℍ', 'bb:N': 'ℕ', 'bb:P': 'ℙ', 'bb:Q': 'ℚ', 'bb:R': 'ℝ', 'bb:Z': 'ℤ',
  'frak:C': 'ℭ', 'frak:H': 'ℌ', 'frak:I': 'ℑ', 'frak:R': 'ℜ', 'frak:Z': 'ℨ',
}; // prettier-ignore

const latin: Readonly<Partial<Record<Alphabet, number>>> = {
  it: 0x1d434,
  bf: 0x1d400,
  bi: 0x1d468,
  cal: 0x1d49c,
  bb: 0x1d538,
  frak: 0x1d504,
  sf: 0x1d5a0,
  tt: 0x1d670,
};
const digits: Readonly<Partial<Record<Alphabet, number>>> = {
  bf: 0x1d7ce,
  bi: 0x1d7ce,
  bb: 0x1d7d8,
  sf: 0x1d7e2,
  tt: 0x1d7f6,
};
const greek: Readonly<Partial<Record<Alphabet, number>>> = { it: 0x1d6e2, bf: 0x1d6a8, bi: 0x1d71c };
const greekVariants = '∂ϵϑϰϕϱϖ';

/** The code point of a character in an alphabet. By default Latin and small Greek letters are italic, the rest upright, as in TeX. */
export function inAlphabet(character: string, alphabet: Alphabet): number {
  const code = character.codePointAt(0)!;
  const isLatin = /^[A-Za-z]$/.test(character);
  const smallGreek = (code >= 0x3b1 && code <= 0x3c9) || greekVariants.includes(character);
  const capitalGreek = code >= 0x391 && code <= 0x3a9;
  const form = alphabet === 'default' ? (isLatin || smallGreek ? 'it' : 'rm') : alphabet;
  const hole = holes[`${form}:${character}`];
  if (hole) return hole.codePointAt(0)!;
  if (isLatin && latin[form]) return latin[form] + (code >= 97 ? code - 97 + 26 : code - 65);
  if (/^[0-9]$/.test(character) && digits[form]) return digits[form] + code - 48;
  const base = greek[form];
  if (base !== undefined) {
    if (capitalGreek) return base + code - 0x391;
    if (code >= 0x3b1 && code <= 0x3c9) return base + 26 + code - 0x3b1;
    if (character === '∇') return base + 25;
    const variant = greekVariants.indexOf(character);
    if (variant >= 0) return base + 51 + variant;
  }
  return code;
}
