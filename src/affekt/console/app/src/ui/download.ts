/** Files that the browser keeps for a person. */

const LONGEST = 120; // characters of a name, its ending included

/** Offers a blob as a file of this name. */
export function download(blob: Blob, name: string): void {
  const address = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = address;
  link.download = fileName(name);
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000); // the browser may still be reading it
}

/** A name that all file systems take. */
export function fileName(name: string): string {
  const taken = name.replace(/[\u0000-\u001f\u007f"*/:<>?\\|]+/g, '-').replace(/^[. ]+|[. ]+$/g, '');
  const ending = /(\.[A-Za-z0-9]{1,8}){0,2}$/.exec(taken)?.[0] ?? '';
  return taken.slice(0, taken.length - ending.length).slice(0, LONGEST - ending.length) + ending || 'affekt';
}
