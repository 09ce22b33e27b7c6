/** Wrong arguments; the message names them. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
