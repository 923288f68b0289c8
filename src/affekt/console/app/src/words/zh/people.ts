import type english from '../en/people';
import type { Translated } from '../translated';

export default {
} satisfies Translated<typeof english>;
