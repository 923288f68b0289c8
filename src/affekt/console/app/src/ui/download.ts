/** Files that the browser keeps for a person. */

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
  return name.replace(/[\u0000-\u001f\u007f"*/:<>?\\|]+/g, '-').replace(/^[. ]+|[. ]+$/g, '').slice(0, 120) || 'affekt';
}
