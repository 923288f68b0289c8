/** What model cards say in English, in Chinese; what is not here is shown as it stands on the card. */
export default {
  // Limits
  "A face shows an expression, not what a person feels; people smile for many reasons.": '面部显示的是表情，而不是人的感受；人微笑的原因有很多。',
  'Trained on photographs from the web, most of them posed or chosen for their expression, few of children or the old.':
    '训练图片来自网络照片，多为摆拍或因表情而被选中，儿童和老人很少。',
  'Fear, disgust and contempt are rare in the data and often mistaken for surprise, anger and neutral.':
    '恐惧、厌恶和轻蔑在数据中很少见，常被误认为惊讶、愤怒和平静。',
  "Not for decisions about a person's health, work, credit or liberty; the EU forbids reading emotions at work and school.":
    '不得用于决定一个人的健康、工作、信贷或自由；欧盟禁止在工作场所和学校识别情绪。',
  'Trained on actors, most of them in a studio; people who feel speak less clearly than people who act.':
    '训练语音来自演员，多在录音棚录制；真正有情绪的人说话不如表演那样分明。',
  'What is heard is how a person sounds, not what the person feels.': '听到的是一个人听起来如何，而不是其感受。',
  'A voice that has not been heard before is judged far less surely than one that has.': '对从未听过的声音，判断远不如对听过的声音可靠。',
  "Not for decisions about a person's health, work, credit or liberty.": '不得用于决定一个人的健康、工作、信贷或自由。',
  'Labels are what annotators saw in the words, not what the writer felt.': '标签是标注者从文字中看到的，而不是作者的感受。',
  'Irony, in-group speech and mixed feelings are where annotators disagree, and so does the model.':
    '反讽、圈内用语和复杂情绪，标注者意见不一，模型也一样。',
  'The chance of a label follows the training corpora (social media, subtitles); on other text, calibrate anew.':
    '标签的概率取决于训练语料（社交媒体、字幕）；用于其他文本时请重新校准。',
  'Learned from pairs of unrelated items: modalities of one real person depend on each other, so fused readings of real people gain less than the figures on pairs say, and are probably surer than they should be.':
    '由互不相关的样本配对学得：真人的各模态彼此相关，因此对真人综合分析的提升小于配对数据所示，而且可能过于自信。',
  'How often modalities really disagree nobody has counted; one moment in five is assumed.': '各模态实际上多久不一致一次，无人统计过；这里假定为五分之一。',
  'For talk that is cut into lines, as subtitles are: of lines that follow a line of the same person, nine in ten carry its label. Where a turn is a whole utterance, far less of an emotion is left in the next, and the pull is too strong.':
    '适用于像字幕那样切成短行的对话：同一人的下一行十有八九带有相同标签。若每轮是一整段话，情绪延续到下一轮的少得多，影响就会过强。',
  'What is usual is what is usual in Chinese series.': '所谓“平常”，是指中文电视剧中的平常。',
  'It makes a model surer; one that is too sure of such talk as it is becomes more so.': '它会让模型更有把握；对这类对话本已过于自信的模型会更加自信。',
  // What was measured on
  'ekman7, held-out rows of four corpora': 'ekman7，四个语料的留出数据',
  'GoEmotions test': 'GoEmotions 测试集',
  'GoEmotions test, sentiment': 'GoEmotions 测试集，情感极性',
  'BRIGHTER dev': 'BRIGHTER 开发集',
  'XED test': 'XED 测试集',
  'SMP2020 usual test, zero-shot': 'SMP2020 通用测试集，零样本',
  'MELD test, zero-shot': 'MELD 测试集，零样本',
  'CPED test (one unseen series)': 'CPED 测试集（一部未见过的剧）',
  'EmoBank test': 'EmoBank 测试集',
  'emodb, ravdess, nemo, casia: speakers never heard': 'emodb、ravdess、nemo、casia：从未听过的说话人',
  'emodb: speakers never heard': 'emodb：从未听过的说话人',
  'FER+ valid, in ekman7': 'FER+ 验证集，换算为 ekman7',
  'FER+ valid': 'FER+ 验证集',
  'FER2013 valid': 'FER2013 验证集',
  'cped test, with context': 'CPED 测试集，考虑前文',
  'meld test, with context': 'MELD 测试集，考虑前文',
  'pairs of text, speech, face': '文字、声音、面部的配对',
  'pairs of text, speech': '文字、声音的配对',
  // How it was held out
  'test of GoEmotions, XED and CPED, dev of BRIGHTER: rows with exactly one label': 'GoEmotions、XED、CPED 的测试集和 BRIGHTER 的开发集中恰有一个标签的数据',
  'the test split as published': '原样发布的测试集',
  'the test split as published, rows whose labels all mean one sentiment': '原样发布的测试集中所有标签指向同一极性的数据',
  'the dev split as published, not tuned or calibrated on': '原样发布的开发集，未用于调参或校准',
  'a test split that shares no English source line with training': '与训练数据没有相同英文原句的测试集',
  'the test split of a corpus that was never trained on': '从未用于训练的语料的测试集',
  'television series that it was not fitted on': '未用于拟合的电视剧',
  'a television series that was never trained on': '从未用于训练的一部电视剧',
  "speakers left out by five folds; a head a fold, Whisper's encoder as it is; judged after 0, 3, 10 or 40 other utterances":
    '五折留出说话人，每折一个分类头，编码器为未经微调的 Whisper；在听过 0、3、10 或 40 句其他话之后判断',
  'speakers left out by five folds; a head a fold, fine-tuned without them; judged after 0, 3, 10 or 40 other utterances':
    '五折留出说话人，每折一个分类头，编码器微调时也不含他们；在听过 0、3、10 或 40 句其他话之后判断',
  "FER2013's split valid, by which nothing was chosen": 'FER2013 的验证集，未据此作过任何选择',
  "FER2013's split valid, by which nothing was chosen; faces on whose label over half of ten annotators agree":
    'FER2013 的验证集，未据此作过任何选择；只取十位标注者过半数一致的面部',
  'speakers, texts and images that the rule was not learned from; pairs of unrelated items with the same label':
    '规则未曾学过的说话人、文本和图片；由标签相同而互不相关的样本配对而成',
  // Licences and materials
  "research only: FER2013's images carry no licence": '仅限研究：FER2013 的图片没有许可',
  'research only: learned from corpora for research': '仅限研究：由仅供研究的语料学得',
  'given out for research, no text of a licence': '仅供研究发放，没有许可文本',
  'none stated': '未说明',
  'Apache-2.0; the vad head CC BY-SA 4.0': 'Apache-2.0；vad 分类头为 CC BY-SA 4.0',
  'Apache-2.0 (repository), CC BY 4.0 (data)': 'Apache-2.0（代码库），CC BY 4.0（数据）',
  'Whisper tiny.en, its encoder': 'Whisper tiny.en 的编码器',
  'all-MiniLM-L6-v2, of a teacher': 'all-MiniLM-L6-v2（用于教师模型）',
  'GE2E speaker encoder': 'GE2E 说话人编码器',
  'training data': '训练数据',
  'speakers left out by five folds': '五折留出的说话人',
  'a tenth of the training images, left out of training': '训练图片的十分之一，未参与训练',
} as Record<string, string>;
