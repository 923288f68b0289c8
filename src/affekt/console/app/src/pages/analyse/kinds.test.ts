import { expect, test } from 'vitest';
import { kindOf } from './kinds';

test('a file is what its ending says, or its media type where it has none', () => {
  const kinds = [['call.WAV', ''], ['rows.csv.gz', ''], ['clip', 'video/webm'], ['faces.jpg', ''], ['talk.srt', ''], ['tool.exe', '']].map(([name, type]) => kindOf({ name: name!, type: type! }));
  expect(kinds).toEqual(['sound', 'table', 'video', 'picture', 'text', 'unknown']);
});
