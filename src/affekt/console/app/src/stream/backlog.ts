/** Inputs of a stream in the order in which they were made, kept until the server has them. */

export type Input = string | ArrayBuffer;

export class Backlog {
  private kept: Input[] = [];
  private first = 0; // inputs that the server has, which are kept no more
  private next = 0; // number of the one that is to be sent next

  add(input: Input): void {
    this.kept.push(input);
  }

  /** The server has so many. */
  received(count: number): void {
    const known = Math.min(count, this.first + this.kept.length) - this.first;
    if (known <= 0) return;
    this.kept.splice(0, known);
    this.first += known;
    this.next = Math.max(this.next, this.first);
  }

  /** Sends what the server does not have once more, as over a new connection. */
  again(count: number): void {
    this.received(count);
    this.next = this.first;
  }

  /** The one that is to be sent now; undefined: all have been. */
  take(): Input | undefined {
    const input = this.kept[this.next - this.first];
    if (input !== undefined) this.next += 1;
    return input;
  }

  get waiting(): number {
    return this.first + this.kept.length - this.next;
  }

  /** Inputs that the server is not known to have. */
  get length(): number {
    return this.kept.length;
  }
}
