/** The files that were dropped or pasted, those in folders too. */

const MOST = 2000; // files at once: who drops a whole disk should notice

/** All files of a drop. The list of a drop is empty after the event, so its entries are taken before anything is awaited. */
export async function dropped(transfer: DataTransfer): Promise<File[]> {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.() ?? null);
  const plain = [...transfer.files];
  if (!entries.some((entry) => entry?.isDirectory)) return plain;
  const found: File[] = [];
  for (const entry of entries) if (entry) await walk(entry, found);
  return found;
}

/** Files that a person would see: none that are hidden. */
export function shown(files: Iterable<File>): File[] {
  return [...files].filter((file) => !file.name.startsWith('.')).slice(0, MOST);
}

async function walk(entry: FileSystemEntry, found: File[]): Promise<void> {
  if (found.length >= MOST) return;
  if (entry.isFile) {
    found.push(await new Promise<File>((done, fail) => (entry as FileSystemFileEntry).file(done, fail)));
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((done, fail) => reader.readEntries(done, fail)); // at most 100 at a time
    if (!some.length) return;
    for (const inner of some) await walk(inner, found);
  }
}
