/** What can be pressed, opened or filled in on the screen that is shown, for the command palette: nothing there is for the pointer alone. */

export interface ScreenAction {
  readonly id: string;
  readonly title: string;
  /** Anything other than a link, tab, field or opener may change data. */
  readonly changes: boolean;
  readonly run: () => void;
}

const controls = 'button, a[href], summary, [role="tab"], input, select, textarea, [role="slider"]';
/** Rows of tables have keys of their own, and there may be thousands. */
const leftOut = 'td, tbody th, [role="menu"], [aria-hidden="true"]';
/** Leads somewhere, shows something, or is filled in. */
const opening =
  'a[href], summary, select, textarea, [role="tab"], [role="slider"], [aria-expanded], [aria-haspopup], [popovertarget], input:not([type="checkbox"], [type="radio"])';
const most = 300;

/** In the order of the page; of several with the same name the first. */
export function actionsIn(root: Element): ScreenAction[] {
  const actions = new Map<string, ScreenAction>();
  for (const element of root.querySelectorAll<HTMLElement>(controls)) {
    if (actions.size >= most) break;
    if (element.closest(leftOut) !== null || element.matches(':disabled') || !element.checkVisibility()) continue;
    const title = titleOf(element);
    if (title === '' || actions.has(title)) continue;
    actions.set(title, {
      id: `here-${actions.size}`,
      title,
      changes: !element.matches(opening) && !title.endsWith('…'),
      run: () => use(element),
    });
  }
  return [...actions.values()];
}

function titleOf(element: HTMLElement): string {
  const name = nameOf(element);
  if (name === '') return '';
  if (element instanceof HTMLInputElement && ['checkbox', 'radio'].includes(element.type)) return name;
  const isField = element.matches('input, select, textarea, [role="slider"]');
  return isField ? `Go to: ${name}` : name;
}

/** Approximately what a screen reader says: the label, else the text inside. */
function nameOf(element: HTMLElement): string {
  const labelled = element.getAttribute('aria-labelledby');
  const text =
    element.getAttribute('aria-label') ??
    (labelled === null ? null : document.getElementById(labelled)?.textContent) ??
    (element as Partial<HTMLInputElement>).labels?.[0]?.textContent ??
    (element.matches('input, select, textarea') ? element.getAttribute('placeholder') : wordsIn(element)) ??
    '';
  return text.replace(/\s+/g, ' ').trim().slice(0, 120);
}

/** Without what is there for the eye alone. */
function wordsIn(element: Element): string {
  let words = '';
  for (const node of element.childNodes) {
    if (node instanceof Text) words += node.data;
    else if (node instanceof Element && node.getAttribute('aria-hidden') !== 'true' && !node.matches('svg, style'))
      words += ` ${wordsIn(node)}`;
  }
  return words;
}

function use(element: HTMLElement): void {
  // The palette closes first, and gives the focus back.
  requestAnimationFrame(() => {
    element.focus();
    element.scrollIntoView({ block: 'nearest' });
    if (element instanceof HTMLInputElement && !['checkbox', 'radio', 'button'].includes(element.type))
      element.select();
    else if (!element.matches('select, textarea, [role="slider"]')) element.click();
  });
}
