/** What the server says of its own accord, in the language that is spoken; sentences that are not known are shown as they are. */
import { lang } from './index.svelte';

const CHINESE: [RegExp, string][] = [
  [/^no label is likely enough: the likeliest has ([\d.]+), below ([\d.]+)$/, '没有足够可能的标签：最高为 $1，低于 $2'],
  [/^no label reaches its threshold$/, '没有标签达到阈值'],
  [/^too quiet: (-?\d+) dB of full scale$/, '声音太小：满刻度 $1 dB'],
  [/^too short: ([\d.]+) s of speech$/, '语音太短：$1 秒'],
  [/^no words to read$/, '没有可分析的文字'],
  [/^face too small: (\d+) pixels$/, '面部太小：$1 像素'],
  [/^face turned away$/, '面部转向一侧'],
  [/^face too dark: brightness (\d+) of 255$/, '面部太暗：亮度 $1（满 255）'],
  [/^face too bright: brightness (\d+) of 255$/, '面部太亮：亮度 $1（满 255）'],
  [/^face without contrast: spread (\d+) of 255$/, '面部没有对比：离散度 $1（满 255）'],
  [/^face blurred$/, '面部模糊'],
  [/^face partly out of the picture$/, '面部部分在画面之外'],
  // live streams
  [/^no speech found in stream.*/, '没有听到语音'],
  [/^no face found in stream.*/, '没有看到面部'],
  [/^nothing has been said$/, '没有人说话'],
  [/^the sound was away once, ([\d.]+) s in all; .*/, '声音中断 1 次，共 $1 秒；按静音处理'],
  [/^the sound was away (\d+) times, ([\d.]+) s in all; .*/, '声音中断 $1 次，共 $2 秒；按静音处理'],
  [/^the sound overlapped what came before it (?:once|\d+ times), ([\d.]+) s in all; .*/, '声音与此前内容重叠，共 $1 秒；重复部分已略去'],
  [/^(\d+) pictures were left out: .*/, '略去了 $1 帧画面：来得太快，来不及分析'],
  [/^a picture could not be decoded; .*/, '有一帧画面无法解码'],
  [/^(\d+) streams(?: of this key)? run, which is as many as (?:may|one may have); come again later$/, '已有 $1 个数据流在运行，达到上限；请稍后再试。'],
  [/^another connection goes on with this stream$/, '另一个连接接管了此数据流。'],
  [/^the server is shutting down; .*/, '服务器正在关闭，请稍后再来。'],
  [/^nothing came for (\d+) s; .*/, '$1 秒内没有收到任何内容。'],
  [/^here (.+) is read only of people who agreed to it; .*/, '此处只分析已登记同意者的声音和面部；请填写其编号。'],
  [/^no consent to (.+) is on record of (\d+) of the people; .*/, '有 $2 人没有登记同意；请先在“人员”中登记。'],
  // what was given to read
  [/^(.+) holds no words, only ([\d,]+) blank or control characters; give some text to read$/, '$1 中没有文字，只有 $2 个空白或控制字符；请提供文字。'],
  [/^the file is empty; was it sent whole\?$/, '文件是空的；是否完整发送？'],
  [/^nothing reads '(.+?)'; there are: (.+)$/, '无法分析 $1 文件；可用的有：$2'],
  [/^(.+) is no image that can be decoded; there are: (.+)$/, '$1 不是可解码的图片；可用的有：$2'],
  [/^(.+) is no sound or video that can be decoded; was it sent whole, .*/, '$1 不是可解码的录音或视频；是否完整发送，扩展名是否正确？'],
  [/^which column of (.+) holds the text\? .*; there are: (.+)$/, '$1 的哪一列是文本？现有：$2'],
  [/^(\d+) names for (\d+) microphones in (.+); give one a microphone$/, '$3 有 $2 个麦克风，却给了 $1 个名字；请每个麦克风给一个。'],
  [/^(\w+) says at what time each reading is, .*; a text without a clock can be written as (.+)$/, '$1 记录每个读数的时间，而此文本没有时间，只计字符；可写成：$2'],
  [/^(.+) is not JSON: .* at line (\d+), column (\d+)$/, '$1 不是 JSON：第 $2 行第 $3 列有误。'],
  [/^(.+) is JSON that cannot be read: .*/, '$1 是无法读取的 JSON。'],
  [/^this JSON is no timeline .*/, '此 JSON 不是 Affekt 的时间线。'],
  [/^(.+) holds no list of turns but (.+?); a conversation is .*/, '$1 中没有对话的轮次列表；对话应为 [{"who": …, "text": …, "start": …, "end": …}, …]。'],
  [/^(.+) holds no turns of talk; .*/, '$1 中没有对话轮次；每个轮次要有文字，如已知，还有说话人和时间。'],
  [/^(.+) holds no prose, only markup or code; .*/, '$1 中没有正文，只有标记或代码。'],
  [/^(.+) is empty; a conversation has at least one turn$/, '$1 是空的；对话至少要有一个轮次。'],
  [/^(.+) is not ([\w-]+): byte .*/, '$1 不是 $2 编码的文字；请以 UTF-8 另存。'],
  [/^(.+) has neither sound nor moving pictures; .*/, '$1 既没有声音也没有活动画面；文件是否正确？'],
  [/^(.+) is of a codec that is not known here; .*/, '$1 的编码格式在此无法识别；请转换，例如：ffmpeg -i IN OUT.mp4'],
  [/^(.+) has ([\d,]+) pixels; at most ([\d,]+) are decoded: .*/, '$1 有 $2 像素，最多 $3；请缩小。'],
  [/^(.+) has ([\d,]+) characters; at most ([\d,]+) are read.*/, '$1 有 $2 个字符，一次最多分析 $3 个；请拆分，或制成文本表格。'],
  [/^(.+) has ([\d,]+) bytes; a text file may have ([\d,]+): .*/, '$1 有 $2 字节，文本文件最多 $3；请拆分，或制成文本表格。'],
  [/^([\d,]+) characters; a call has at most ([\d,]+), .*/, '$1 个字符，一次最多 $2 个；请拆分。'],
  [/^(.+) is damaged: .*/, '$1 已损坏。'],
  [/^(\d+) places in the (?:file|video) are damaged .*; they were (read as silence|skipped)$/, '文件有 $1 处损坏，已略过。'],
  [/^some samples are not numbers; .*/, '部分采样无效，按静音处理。'],
  [/^there are several images in the file, .*/, '文件中有多幅图像（如动图），只分析了第一幅。'],
  [/^the image has (\d+) x (\d+) pixels; it was read at (\d+) .*/, '图像为 $1 × $2 像素，已缩至长边 $3 像素后分析。'],
  [/^no (?:speech|face) found in (.+?); is it the right file.*no (?:speech|face) found in .*/, '$1 中既没有听到语音，也没有看到面部；文件是否正确？'],
  [/^no speech found in (.+); is it the right file, .*/, '$1 中没有听到语音；文件是否正确，语音是否比周围声音响亮？'],
  [/^no face found in (.+); is it the right file, .*/, '$1 中没有看到面部；文件是否正确，面部是否至少宽 20 像素？'],
  [/^the file promises ([\d.]+) s and ends after ([\d.]+) s; it may have been cut off$/, '文件应有 $1 秒，却在 $2 秒后结束；可能被截断。'],
  [/^(\d+) of (\d+) faces could not be judged \((.+)\)$/, '$2 个面部中有 $1 个无法判断（$3）'],
  [/^(\d+) readings of people who are not named in subjects are left out, .*/, '此处需要同意：没有填写编号的人员的 $1 个读数已略去。'],
  [/^a body of more than ([\d,]+) bytes; .*/, '内容超过 $1 字节，服务器不接受。'],
  // what may be read
  [/^(\w+) is no biometric data, (?:which|and) the rules .*/, '$1不属于生物识别数据，不在该规则之内'],
  [/^no rule is about (\w+) in the setting (\w+)$/, '在“$2”场合没有针对$1的规则'],
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
  [/^somebody who is named in subjects was erased while this was read; .*/, '所填编号中有人的数据在分析期间已被清除，因此不保存任何内容。'],
  [/^no session '(.+)'; it was deleted, or another key saved it$/, '没有会话 $1：它已被删除，或由其他密钥保存。'],
  [/^there is no job (\S+); .*/, '没有任务 $1：它已被删除，或属于其他密钥。'],
  [/^session (\S+) was saved with another key; an admin can delete it$/, '会话 $1 由其他密钥保存；管理员可以删除它。'],
  // the audit log
  [/^no entry has the hash (\w+); .*/, '没有条目的哈希值为 $1；有条目被截去，或日志被重新制作。'],
  [/^entry (\d+) is missing$/, '条目 $1 缺失。'],
  [/^entry (\d+) was changed$/, '条目 $1 被更改过。'],
  [/^entry (\d+) does not follow the one before it; .*/, '条目 $1 与前一条不衔接：前一条连同其哈希值被更改过，或此处原为另一条。'],
];
const TERMS: Record<string, string> = {
  text: '文字', speech: '声音', face: '面部', public: '公共场所', private: '私人', workplace: '工作场所', education: '教育机构', healthcare: '医疗机构',
  medical: '医疗', safety: '安全', reader: '使用者', analyst: '分析员', admin: '管理员',
};

/** A reason, warning or detail of the server. */
export function told(sentence: string): string {
  if (lang() === 'en') return sentence;
  const parts = sentence.split(/; (?=(?:text|speech|face): )/); // why several modalities cannot be judged
  if (parts.every((part) => /^(text|speech|face): /.test(part))) return parts.map((part) => part.replace(/^(\w+): (.*)/, (_, part, why) => `${TERMS[part]}：${told(why)}`)).join('；');
  for (const [pattern, chinese] of CHINESE) {
    const found = pattern.exec(sentence);
    if (found) return chinese.replace(/\$(\d)/g, (_, place: string) => TERMS[found[Number(place)] ?? ''] ?? found[Number(place)] ?? '');
  }
  return sentence;
}
