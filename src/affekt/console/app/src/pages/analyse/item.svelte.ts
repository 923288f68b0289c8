/** One thing that is read, or was: a file, texts, a job. */
import type { Problem, Timeline } from '../../api/client';
import type { components } from '../../api/schema';
import { kindOf, type Kind } from './kinds';
import { onceWord } from '../../api/once';

type Told = components['schemas']['Job'];
/** A job; what went wrong with rows is typed as the client gives it. */
export type Job = Omit<Told, 'table'> & { table: { rows: number; bad_rows: number; bad: (string | number)[][] } | null };
export interface Opened {
  name: string;
  timeline: Timeline;
  media: Blob | null;
  session: string | null;
}
export interface Options {
  labels?: string;
  column?: string; // of a table, that holds the text
  who?: string[];
  save?: boolean;
  name?: string;
  subjects?: Record<string, string>;
}
export interface Texts {
  texts: string[];
  opened: (Opened | null)[];
  problems: { index: number; detail: string }[];
}
type State = 'waiting' | 'sending' | 'reading' | 'done' | 'failed' | 'cancelled';

let made = 0;

export class Item {
  readonly id: string;
  readonly name: string;
  readonly kind: Kind;
  once = onceWord();
  lost = 0; // times that it did not come to the server
  given: { texts: string[]; whole: boolean } | null = null; // texts to read
  state = $state<State>('waiting');
  share = $state<number | null>(null); // of what is sent, then of what is read
  until = $state(0); // moment before which the server asked not to be called
  problem = $state.raw<Problem | null>(null);
  job = $state.raw<Job | null>(null);
  opened = $state.raw<Opened | null>(null);
  texts = $state.raw<Texts | null>(null);
  chosen = $state(false); // to be compared
  stop = new AbortController();

  constructor(
    readonly file: File | null,
    readonly options: Options, // its own: a column is added where the server asks for it
    { name = file?.name ?? '', kind, job = null }: { name?: string; kind?: Kind; job?: Job | null } = {},
  ) {
    this.id = job?.id ?? `read_${++made}`;
    this.name = name;
    this.kind = kind ?? kindOf(file ?? { name, type: '' });
    this.job = job;
  }

  /** Whether it is to be sent: jobs of an earlier visit, and what was opened, are not. */
  get unsent(): boolean {
    return this.job === null && (this.file !== null || this.given !== null);
  }

  get busy(): boolean {
    return this.state === 'waiting' || this.state === 'sending' || this.state === 'reading';
  }

  /** What is in the address when it is open: a job is found again after the page was loaded anew. */
  get address(): string {
    return this.job?.id ?? this.id;
  }
}
