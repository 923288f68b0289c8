/** How many pictures a second are worth sending: as many as are looked at in time. */

export const MOST = 15; // pictures a second
const LEAST = 2;
const LATE = 400; // milliseconds from picture to reading, from which pictures wait somewhere
const PROMPT = 250;
const WAITING = 48 * 1024; // bytes in the socket from which a picture is not sent: it would only be late
const LOOK = 1000; // milliseconds between two changes

export class Pace {
  rate = MOST;
  private last = -Infinity; // when a picture was sent
  private changed = 0;
  private worst = 0; // milliseconds, since it was changed

  /** Whether a picture is to be sent now, milliseconds. Args: buffered: bytes that wait in the socket. */
  due(now: number, buffered: number): boolean {
    if (now - this.last < 1000 / this.rate - 4 || buffered > WAITING) return false; // cameras are not on time to the millisecond
    this.last = now;
    return true;
  }

  /** A picture was read; it took so many milliseconds from camera to reading. */
  took(milliseconds: number, now: number): void {
    this.worst = Math.max(this.worst, milliseconds);
    if (now - this.changed < LOOK) return;
    if (this.worst > LATE) this.slower(now);
    else if (this.worst < PROMPT) this.rate = Math.min(this.rate + 1, MOST);
    this.changed = now;
    this.worst = 0;
  }

  /** Pictures were left out, because too many waited. */
  slower(now: number): void {
    this.rate = Math.max(this.rate * 0.7, LEAST);
    this.changed = now;
    this.worst = 0;
  }
}
