import type english from '../en/settings';
import type { Translated } from '../translated';

export default {
  copy: '复制',
  copied: '已复制',
  copy_failed: '浏览器不允许本页复制：请选中文字后手动复制。',
} satisfies Translated<typeof english>;
