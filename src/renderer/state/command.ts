/** Something that the keyboard or the command palette can do. */

export interface WindowCommand {
  readonly id: string;
  readonly title: string;
  /** As people write it: "Ctrl+K". */
  readonly keys?: string;
  /** Others that do the same, for keyboards on which the first takes Shift. */
  readonly otherKeys?: readonly string[];
  /** Whether it changes data; false: it opens something, or changes how the window looks. */
  readonly changes?: boolean;
  readonly run: () => void;
}
