/**
 * The zoom of the whole window, kept in the settings. The desktop shell applies it as browsers do (src/main/electron/appearance.ts); in a browser the page
 * does, by CSS: then positions of the pointer and boxes of elements count pixels of the screen, and lengths in styles those of the page.
 */

/** As browsers have them, within what the settings take. */
const steps = [0.5, 0.67, 0.75, 0.8, 0.9, 1, 1.1, 1.25, 1.5, 1.75, 2, 2.5, 3] as const;

/** The next larger (+1) or smaller (-1) step; the same if there is none. */
export function zoomStep(zoom: number, direction: 1 | -1): number {
  const next =
    direction === 1 ? steps.find((step) => step > zoom + 1e-6) : steps.findLast((step) => step < zoom - 1e-6);
  return next ?? zoom;
}

/** Pixels of the screen for one of the element. */
export function zoomOf(element: Element): number {
  return (element as Partial<Element>).currentCSSZoom ?? 1;
}

/** Where the pointer is in an element, and the element's size, in its own pixels. */
export function pointIn(
  { clientX, clientY }: MouseEvent,
  element: Element,
): { readonly x: number; readonly y: number; readonly width: number; readonly height: number } {
  const box = element.getBoundingClientRect();
  const zoom = zoomOf(element);
  return {
    x: (clientX - box.left) / zoom,
    y: (clientY - box.top) / zoom,
    width: box.width / zoom,
    height: box.height / zoom,
  };
}
