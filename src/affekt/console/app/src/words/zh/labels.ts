export default {
  anger: '愤怒', disgust: '厌恶', fear: '恐惧', joy: '喜悦', sadness: '悲伤', surprise: '惊讶', neutral: '平静', happiness: '快乐',
  contempt: '轻蔑', anticipation: '期待', trust: '信任', positive: '正面', negative: '负面', admiration: '钦佩', amusement: '逗乐',
  annoyance: '恼火', approval: '赞同', caring: '关心', confusion: '困惑', curiosity: '好奇', desire: '渴望', disappointment: '失望',
  disapproval: '反对', embarrassment: '尴尬', excitement: '兴奋', gratitude: '感激', grief: '悲痛', love: '爱', nervousness: '紧张',
  optimism: '乐观', pride: '自豪', realization: '恍然', relief: '释然', remorse: '懊悔',
} as Record<string, string>;
