/**
 * A laid-out figure: what is drawn, where, in points from the upper left corner (y downwards). The only thing that the SVG and PDF writers see, so that
 * both draw the same.
 */
import type { PathData } from '../path.ts';
import type { TextBox } from '../text/box.ts';
import type { Tick } from '../ticks.ts';

export interface Stroke {
  readonly colour: string;
  readonly width: number;
  /** Lengths on and off; solid where absent. */
  readonly dash?: readonly number[] | undefined;
  readonly cap?: 'butt' | 'round' | 'square' | undefined;
  readonly opacity?: number | undefined;
}

export interface Fill {
  readonly colour: string;
  readonly opacity?: number;
}

export type SceneNode =
  | { readonly kind: 'path'; readonly path: PathData; readonly fill?: Fill; readonly stroke?: Stroke }
  /** One shape (around the origin) at many places: x0, y0, x1, y1, ... */
  | {
      readonly kind: 'markers';
      readonly shape: PathData;
      readonly at: readonly number[];
      readonly fill?: Fill;
      readonly stroke?: Stroke;
    }
  /** Text whose baseline starts at (x, y), turned by `angle` degrees counterclockwise about that point. */
  | {
      readonly kind: 'text';
      readonly box: TextBox;
      readonly x: number;
      readonly y: number;
      readonly angle: number;
      readonly colour: string;
    }
  /** Pixels, 8-bit RGBA, row 0 on top. */
  | {
      readonly kind: 'image';
      readonly x: number;
      readonly y: number;
      readonly width: number;
      readonly height: number;
      readonly columns: number;
      readonly rows: number;
      /** Made when first asked for. */
      readonly pixels: () => Uint8Array;
      readonly description: string;
    }
  | {
      readonly kind: 'clip';
      readonly x: number;
      readonly y: number;
      readonly width: number;
      readonly height: number;
      readonly children: readonly SceneNode[];
    }
  /** Drawn as its children; the name groups them in the file. */
  | { readonly kind: 'group'; readonly name: string; readonly children: readonly SceneNode[] };

export interface Frame {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Where the parts of one panel ended up, for a pointer over the figure: data coordinates follow from the frame and the limits. */
export interface PanelGeometry {
  readonly frame: Frame;
  readonly x: AxisGeometry;
  readonly y: AxisGeometry;
}

export interface AxisGeometry {
  readonly scale: 'linear' | 'log' | 'category';
  readonly min: number;
  readonly max: number;
  readonly ticks: readonly Tick[];
  /** Numbers and label stand at this axis; false on inner axes of panels that share theirs. */
  readonly numbers: boolean;
}

export interface Scene {
  /** In points; `width_mm` and `height_mm` say the same exactly. */
  readonly width: number;
  readonly height: number;
  readonly width_mm: number;
  readonly height_mm: number;
  readonly nodes: readonly SceneNode[];
  readonly panels: readonly PanelGeometry[];
  /** Where the legend ended up: in the frames or at a side of the figure, there with its upper left corner. */
  readonly legend: {
    readonly place: 'frames' | 'below' | 'above' | 'right' | 'none';
    readonly x: number;
    readonly y: number;
  };
  /** The small print: what was left out, how points were drawn. */
  readonly notes: readonly string[];
  /** Why there is nothing to see in any panel; absent if something is drawn. */
  readonly empty?: string | undefined;
  /** Texts that overlap or leave the page, frames too small to read; empty if there are none. */
  readonly warnings: readonly string[];
}
