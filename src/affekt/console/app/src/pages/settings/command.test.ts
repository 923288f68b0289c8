import { describe, expect, it } from 'vitest';
import { commandOf, variablesOf } from './command';

const declared = { purpose: 'wellbeing', setting: 'workplace', reason: '', contact: "Ann O'Hara, dpo@example.org", require_consent: true, keep_text_days: 0 };

describe('a command', () => {
  it('says what is declared, and leaves out what is not', () => {
    expect(commandOf(declared)).toBe(
      `affekt serve --purpose wellbeing --setting workplace --contact 'Ann O'\\''Hara, dpo@example.org' --require-consent --keep-text-days 0`,
    );
    expect(commandOf({ require_consent: false })).toBe('affekt serve');
  });

  it('can be variables as well', () => {
    expect(variablesOf({ setting: 'public', require_consent: true, reason: '' })).toBe('AFFEKT_SETTING=public\nAFFEKT_REQUIRE_CONSENT=true');
  });

  it('lets nobody put a command of theirs into it', () => {
    expect(commandOf({ contact: '$(rm -rf ~); `id`' })).toBe("affekt serve --contact '$(rm -rf ~); `id`'");
  });
});
