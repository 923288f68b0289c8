import type english from '../en/settings';
import type { Translated } from '../translated';

export default {
} satisfies Translated<typeof english>;
