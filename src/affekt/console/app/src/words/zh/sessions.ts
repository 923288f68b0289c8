import type english from '../en/sessions';
import type { Translated } from '../translated';

export default {
} satisfies Translated<typeof english>;
