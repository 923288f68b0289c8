import type english from '../en/models';
import type { Translated } from '../translated';

export default {
} satisfies Translated<typeof english>;
