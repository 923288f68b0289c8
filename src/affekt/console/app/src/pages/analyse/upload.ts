/** Sending a file with its progress, which `fetch` does not tell. */
import { BASE, isAway, Problem, problemOf } from '../../api/client';
import { keyOf, setOnline } from '../../state/session.svelte';

/**
 * What the server answers to a file with options.
 * @throws {Problem} it was refused, or the server was not reached; {DOMException} `AbortError`, it was given up.
 */
export function upload<Answer>(
  path: string,
  { file, options, once, signal, onshare }: { file: File; options: object; once?: string; signal: AbortSignal; onshare: (share: number) => void },
): Promise<Answer> {
  const form = new FormData();
  form.append('options', JSON.stringify(options));
  form.append('file', file, file.name);
  return new Promise((done, fail) => {
    if (signal.aborted) return fail(new DOMException('given up', 'AbortError'));
    const call = new XMLHttpRequest();
    call.open('POST', BASE + path);
    call.responseType = 'json';
    const key = keyOf();
    if (key) call.setRequestHeader('Authorization', `Bearer ${key}`);
    if (once) call.setRequestHeader('Idempotency-Key', once);
    call.upload.onprogress = (event) => event.lengthComputable && onshare(event.loaded / event.total);
    const lost = () => {
      setOnline(false);
      fail(new Problem('offline', call.status, 'offline', `${file.name} was not sent`));
    };
    call.onload = () => {
      if (isAway(call.status, call.getResponseHeader('Content-Type'))) return lost();
      setOnline(true);
      if (call.status >= 200 && call.status < 300) done(call.response as Answer);
      else fail(problemOf({ status: call.status, statusText: call.statusText, headers: headersOf(call) }, call.response));
    };
    call.onerror = lost;
    call.onabort = () => fail(new DOMException('given up', 'AbortError'));
    signal.addEventListener('abort', () => call.abort(), { once: true });
    call.send(form);
  });
}

function headersOf(call: XMLHttpRequest): Headers {
  const after = call.getResponseHeader('Retry-After');
  return new Headers(after ? { 'Retry-After': after } : {});
}
