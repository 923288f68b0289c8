/** A first look at a table that was read: its first rows, and how often each label is the likeliest. */

export interface Look {
  columns: string[];
  rows: string[][];
  labels: Map<string, number>;
  counted: number; // rows that `labels` is of
  unsure: number;
}

const SHOWN = 20;

/** Rows of CSV, TSV or JSON lines, one after the other. */
export function look(text: string, ending: string): Look {
  const rows = ending === 'jsonl' ? objects(text) : delimited(text, ending === 'tsv' ? '\t' : ',');
  const made: Look = { columns: [], rows: [], labels: new Map(), counted: 0, unsure: 0 };
  for (const row of rows) {
    if (!made.columns.length) {
      made.columns = row;
      continue;
    }
    if (made.rows.length < SHOWN) made.rows.push(row);
    const top = row[made.columns.indexOf('top')];
    if (!top) continue;
    made.counted += 1;
    made.labels.set(top, (made.labels.get(top) ?? 0) + 1);
    if (/^true$/i.test(row[made.columns.indexOf('abstained')] ?? '')) made.unsure += 1;
  }
  return made;
}

/** RFC 4180: fields in quotes may hold separators, line ends and doubled quotes. */
export function* delimited(text: string, separator: string): Generator<string[]> {
  let [row, field, quoted] = [[] as string[], '', false];
  for (let at = 0; at < text.length; at++) {
    const letter = text[at]!;
    if (quoted) {
      if (letter !== '"') field += letter;
      else if (text[at + 1] === '"') [field, at] = [`${field}"`, at + 1];
      else quoted = false;
    } else if (letter === '"' && field === '') quoted = true;
    else if (letter === separator) [row, field] = [[...row, field], ''];
    else if (letter === '\n') {
      yield [...row, field.replace(/\r$/, '')];
      [row, field] = [[], ''];
    } else field += letter;
  }
  if (row.length || field) yield [...row, field];
}

function* objects(text: string): Generator<string[]> {
  let columns: string[] | null = null;
  for (const line of text.split('\n')) {
    if (!line.trim()) continue;
    const row = parsed(line);
    if (!row) continue; // the last line, where only the beginning of a file was fetched
    if (!columns) yield (columns = Object.keys(row));
    yield columns.map((column) => (typeof row[column] === 'object' && row[column] !== null ? JSON.stringify(row[column]) : String(row[column] ?? '')));
  }
}

function parsed(line: string): Record<string, unknown> | null {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return null;
  }
}
