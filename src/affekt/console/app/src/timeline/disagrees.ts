/** When modalities are said to disagree. */
import type { Reading } from '../api/client';

const LEAST = 0.5; // chance, as in Affekt itself: that they do is then likelier than not

/** Whether modalities more likely than not show different emotions; of a fused reading. */
export function disagrees({ disagreement }: Pick<Reading, 'disagreement'>): boolean {
  return (disagreement ?? 0) >= LEAST;
}
