/** Milliseconds that work waits at most. */
const longest = 200;

/** Does work that nobody waits for once what the user asked for is on the screen; the function returned takes it back. */
export function whenIdle(work: () => void): () => void {
  // Safari has no such call.
  if (typeof requestIdleCallback === 'undefined') {
    const timer = setTimeout(work, longest / 4);
    return () => clearTimeout(timer);
  }
  const id = requestIdleCallback(work, { timeout: longest });
  return () => cancelIdleCallback(id);
}
