/** How a task of the helper process is followed and stopped. */

/** How a task that takes long is followed and stopped. */
export interface TaskControl {
  readonly signal: AbortSignal;
  /** What is under way, and the share done (0 to 1). */
  readonly progress: (at: string, share: number) => void;
}
