import type english from '../en/live';
import type { Translated } from '../translated';

export default {
} satisfies Translated<typeof english>;
