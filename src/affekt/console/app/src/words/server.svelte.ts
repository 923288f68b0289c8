/** What the server says of its own accord, in the language that is spoken; sentences that are not known are shown as they are. */
import { lang } from './index.svelte';

const CHINESE: [RegExp, string][] = [
  [/^no label is likely enough: the likeliest has ([\d.]+), below ([\d.]+)$/, '没有足够可能的标签：最高为 $1，低于 $2'],
  [/^too quiet: (-?\d+) dB of full scale$/, '声音太小：满刻度 $1 dB'],
  [/^too short: ([\d.]+) s of speech$/, '语音太短：$1 秒'],
  // what may be read
  [/^(\w+) is no biometric data, which the rules are about$/, '$1不属于生物识别数据，不在该规则之内'],
  [/^(\w+) is free to be read in the setting (\w+)$/, '在“$2”场合可以根据$1分析情绪'],
  [/^in the setting (\w+) emotion is not inferred from (\w+), unless a (\w+) or (\w+) reason is declared$/, '在“$1”场合不根据$2推断情绪，除非声明了$3或$4理由'],
  [/^in the setting (\w+) only the declared (\w+) reason lets emotion be inferred from (\w+)$/, '在“$1”场合，只有所声明的$2理由才允许根据$3推断情绪'],
  [/^emotion is not inferred from (\w+) in the setting (\w+): (.+?) forbids it except for .*/, '在“$2”场合不根据$1推断情绪：$3 禁止这样做，医疗或安全理由除外。如确属这些理由，请由管理者以 --reason 声明。'],
  // who may call
  [/^no key; send it as .*/, '没有提供密钥。'],
  [/^this key opens nothing; .*/, '此密钥无效：输入有误，或已被撤销。'],
  [/^this key is of the role (\w+); this needs (\w+)$/, '此密钥的角色是$1；此操作需要$2。'],
  [/^(\S+) is the last key of an admin; make another before it is revoked$/, '$1 是最后一个管理员密钥；请先创建另一个，再撤销它。'],
  [/^the first key must be of the role admin: .*/, '第一个密钥必须是管理员密钥：此后每次调用都需要密钥。'],
  // what is kept
  [/^nothing is saved here: keep_readings_days is 0; .*/, '此处不保存任何内容：keep_readings_days 为 0。'],
  [/^no session '(.+)'; it was deleted, or another key saved it$/, '没有会话 $1：它已被删除，或由其他密钥保存。'],
  [/^session (\S+) was saved with another key; an admin can delete it$/, '会话 $1 由其他密钥保存；管理员可以删除它。'],
  // the audit log
  [/^no entry has the hash (\w+); .*/, '没有条目的哈希值为 $1；有条目被截去，或日志被重新制作。'],
  [/^entry (\d+) is missing$/, '条目 $1 缺失。'],
  [/^entry (\d+) was changed$/, '条目 $1 被更改过。'],
  [/^entry (\d+) does not follow the one before it; .*/, '条目 $1 与前一条不衔接：前一条连同其哈希值被更改过，或此处原为另一条。'],
];
const TERMS: Record<string, string> = {
  text: '文字', speech: '声音', face: '面部', public: '公共场所', private: '私人', workplace: '工作场所', education: '教育机构', healthcare: '医疗机构',
  medical: '医疗', safety: '安全', reader: '读者', analyst: '分析员', admin: '管理员',
};

/** A reason, warning or detail of the server. */
export function told(sentence: string): string {
  if (lang() === 'en') return sentence;
  for (const [pattern, chinese] of CHINESE) {
    const found = pattern.exec(sentence);
    if (found) return chinese.replace(/\$(\d)/g, (_, place: string) => TERMS[found[Number(place)] ?? ''] ?? found[Number(place)] ?? '');
  }
  return sentence;
}
