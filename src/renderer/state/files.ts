/** Saving files for the user: downloads in the browser; on the desktop a dialog asks where. */

/** Saves a text made in the window. */
export function saveFile(name: string, type: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  follow(url, name);
  // The download has begun by then.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** A file that the main side made for this window (browser shell): good once. */
export function fetchFile(token: string, name: string): void {
  follow(`/files/${token}`, name);
}

function follow(url: string, name: string): void {
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
}
