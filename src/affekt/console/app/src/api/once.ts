/** A word by which the server knows the same call again; `crypto.randomUUID` is missing on pages without TLS. */
export function onceWord(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
