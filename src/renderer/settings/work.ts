/** What the screen of settings can be busy with. */
export type Work = 'speed' | 'check' | 'doctor';

/** Does work, and says meanwhile which; undefined if it failed, which is told. */
export type During = <T>(what: Work, work: () => Promise<T>) => Promise<T | undefined>;
