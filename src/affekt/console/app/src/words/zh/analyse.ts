import type english from '../en/analyse';
import type { Translated } from '../translated';

export default {
} satisfies Translated<typeof english>;
