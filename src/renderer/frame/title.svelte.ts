/** The name of the run on show, for the title bar. */
export const title = $state({ run: '' });
