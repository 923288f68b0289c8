/** Labels as people read them; one that is not here is shown as the model says it. */
const names =
  'anger disgust fear joy sadness surprise neutral happiness contempt anticipation trust positive negative admiration amusement annoyance approval caring confusion curiosity desire disappointment disapproval embarrassment excitement gratitude grief love nervousness optimism pride realization relief remorse';

export default Object.fromEntries(names.split(' ').map((name) => [name, name])) as Record<string, string>;
