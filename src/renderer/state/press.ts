/**
 * Holds the window still under a press. Between the moment a control is pressed and its click, no control may move, vanish or be disabled, otherwise the click is
 * lost: the browser gives it to whatever lies under the pointer by then. The same holds for what is dragged to a place. So while a control is pressed, or something
 * is dragged
 * - answers and events of the main side wait (`after`),
 * - the change that a text field commits because it loses the focus waits, and is delivered at the click, before the control's own handler: that
 *   handler works with what was just typed.
 */

/** Everything that is pressed rather than written in. What is dragged over a chart is none: the chart follows with answers of the main side. */
const controls = [
  'button',
  'a[href]',
  'summary',
  'label',
  'select',
  'tr',
  '[data-handle]',
  'input:is([type="checkbox"], [type="radio"], [type="file"], [type="submit"], [type="button"], [type="color"])',
  ...[
    'button',
    'option',
    'tab',
    'menuitem',
    'menuitemcheckbox',
    'menuitemradio',
    'switch',
    'row',
    'gridcell',
    'link',
  ].map((role) => `[role="${role}"]`),
].join();

const isWritten = (target: EventTarget | null): target is HTMLInputElement | HTMLTextAreaElement =>
  target instanceof HTMLTextAreaElement || (target instanceof HTMLInputElement && !target.matches(controls));

export class Press {
  #pressed = false;
  /** The browser ends the press where a drag begins. */
  #dragged = false;
  #waiting: (() => void)[] = [];
  readonly #changed = new Set<HTMLElement>();

  /** Does it now; where a control is pressed, after the click. What waits is done in the order in which it came. */
  after(work: () => void): void {
    if (this.#pressed || this.#waiting.length > 0) this.#waiting.push(work);
    else work();
  }

  /** Starts watching the page. Returns a function that stops it. */
  listen(): () => void {
    const aborted = new AbortController();
    const on = <E extends Event>(names: readonly string[], listener: (event: E) => void): void => {
      for (const name of names)
        addEventListener(name, listener as EventListener, { capture: true, signal: aborted.signal });
    };
    on<MouseEvent>(['pointerdown', 'mousedown'], ({ button, target }) => {
      if (button === 0 && target instanceof Element && target.closest(controls) !== null) this.#pressed = true;
    });
    on<KeyboardEvent>(['keydown'], ({ key, repeat, target }) => {
      if (key === ' ' && !repeat && target instanceof Element && target.matches(controls)) this.#pressed = true;
    });
    on(['change'], (event) => {
      if (!this.#pressed || !event.isTrusted) return;
      if (!isWritten(event.target)) this.#deliver();
      else {
        event.stopImmediatePropagation();
        this.#changed.add(event.target);
      }
    });
    on(['click'], () => this.#deliver());
    on(['dragstart'], () => {
      this.#dragged = true;
      this.#pressed = true;
    });
    on(['mouseup', 'pointerup', 'pointercancel', 'dragend', 'keyup', 'blur'], ({ type, target }) => {
      if (type === 'pointercancel' && this.#dragged) return;
      if (type !== 'blur' || target === globalThis) this.#release();
    });
    // A release without an event: over the list of a select, or outside the window.
    on<PointerEvent>(['pointermove'], ({ buttons }) => {
      if (buttons === 0) this.#release();
    });
    return () => {
      aborted.abort();
      this.#end();
    };
  }

  #deliver(): void {
    for (const field of this.#changed) {
      this.#changed.delete(field);
      field.dispatchEvent(new Event('change', { bubbles: true }));
    }
  }

  /** The click belongs to the same task as the release. */
  #release(): void {
    if (this.#pressed) setTimeout(() => this.#end());
  }

  #end(): void {
    this.#deliver();
    this.#pressed = false;
    this.#dragged = false;
    for (const work of this.#waiting.splice(0)) work();
  }
}
