/** How long what happened took to be shown: percentiles over the last half minute. */

const KEPT = 30_000; // milliseconds

export class Latencies {
  private taken: { at: number; took: number }[] = [];

  /** Args: took, at: milliseconds; `at` does not go back. */
  add(took: number, at: number): void {
    this.taken.push({ at, took });
    const old = this.taken.findIndex((one) => one.at > at - KEPT);
    if (old > 256) this.taken.splice(0, old); // now and then, not each time
  }

  /** Milliseconds that half, and 95 of 100, took at most; null: nothing was shown lately. */
  percentiles(now: number): { half: number; most: number } | null {
    const recent = this.taken.filter((one) => one.at > now - KEPT).map((one) => one.took).sort((one, other) => one - other);
    const at = (share: number) => recent[Math.min(recent.length - 1, Math.ceil(share * recent.length) - 1)]!;
    return recent.length ? { half: at(0.5), most: at(0.95) } : null;
  }
}
