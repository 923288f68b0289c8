import { beforeAll, describe, expect, it, vi } from 'vitest';

vi.mock('./index.svelte', () => ({ lang: () => 'zh' }));
let told: (sentence: string) => string;
beforeAll(async () => ({ told } = await import('./server.svelte')));

describe('what the server says', () => {
  it('is said in Chinese, its terms too', () => {
    expect(told('no rule is about speech in the setting healthcare')).toBe('在“医疗机构”场合没有针对声音的规则');
    expect(told('this key is of the role reader; this needs admin')).toBe('此密钥的角色是使用者；此操作需要管理员。');
    expect(told('3 readings of people who are not named in subjects are left out, for consent is needed')).toBe('此处需要同意：没有填写编号的人员的 3 个读数已略去。');
    expect(told('too short: 0.20 s of speech')).toBe('语音太短：0.20 秒');
  });

  it('is said of each modality where it is said of several', () => {
    expect(told('speech: too short: 0.3 s of speech; face: face turned away')).toBe('声音：语音太短：0.3 秒；面部：面部转向一侧');
  });

  it('stays as it is where it is not known', () => {
    expect(told('something else')).toBe('something else');
    expect(told('')).toBe('');
  });

  it('keeps what looks like a place', () => {
    expect(told("no session '$2'; it was deleted, or another key saved it")).toBe('没有会话 $2：它已被删除，或由其他密钥保存。');
  });
});
