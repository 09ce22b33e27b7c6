/** What the tests of one file share: a place, a display, and the desktops that they start. */
import { afterAll, afterEach, beforeAll } from 'vitest';
import { Desktop } from './desktop.ts';
import type { StartOptions } from './desktop.ts';
import { Display } from './display.ts';
import { Place } from './place.ts';

export class Fixture {
  place!: Place;
  display!: Display;
  readonly #started: Desktop[] = [];

  /** To be called in a `describe`. */
  constructor() {
    beforeAll(async () => {
      this.place = new Place();
      this.display = await Display.open();
    });
    afterAll(() => {
      this.display?.close();
      this.place?.remove();
    });
    afterEach(async () => {
      for (const desktop of this.#started.splice(0)) await desktop.kill();
    });
  }

  /** A desktop for all tests of the `describe`, started before the first one. */
  shared(options: StartOptions & { readonly home?: () => string } = {}): { readonly desktop: Desktop } {
    let desktop: Desktop;
    beforeAll(async () => {
      desktop = await Desktop.start(this.place, this.display, options.home?.() ?? this.place.home(), options);
    });
    afterAll(async () => {
      await desktop?.kill();
    });
    return {
      get desktop() {
        return desktop;
      },
    };
  }

  /** A desktop that is ended after the test, unless the test ends it. */
  async start(home = this.place.home(), options: StartOptions = {}): Promise<Desktop> {
    const desktop = await Desktop.start(this.place, this.display, home, options);
    this.#started.push(desktop);
    return desktop;
  }
}
