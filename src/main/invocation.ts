/** How the user calls this program: messages that name a command name it as it can be typed. */

/** "covature" where the installed package was started, else the npm script of a checkout. */
export const invocation: string = process.env['COVATURE_INVOCATION'] ?? 'npm run --silent covature --';
