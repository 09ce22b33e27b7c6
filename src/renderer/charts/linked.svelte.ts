/** The place of the pointer along x, one for all charts that share it; null if it is on none of them. */
export class LinkedPointer {
  at = $state<number | null>(null);
}
