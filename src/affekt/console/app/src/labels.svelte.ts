/** Names and colours of labels. */
import { say, type Key } from './words/index.svelte';

/** A label as people read it, in the language that is spoken. */
export function labelName(label: string): string {
  const key = `labels.${label}`;
  const found = say(key as Key);
  return found === key ? label.replaceAll('_', ' ') : found;
}

/** A label's colour, for `style:--hue`; one that has none in tokens.css gets a hue by its name, the same one always. */
export function hueOf(label: string | null | undefined): string {
  if (!label) return 'var(--emotion-neutral)';
  return `var(--emotion-${CSS.escape(label)}, ${hashed(label)})`; // a label set of one's own may hold any sign
}

/** The same as a colour that a canvas takes; asked for anew when the appearance changes. */
export function colourOf(label: string | null | undefined): string {
  const kept = label && getComputedStyle(document.documentElement).getPropertyValue(`--emotion-${label}`).trim();
  if (kept) return resolved(kept);
  return label ? hashed(label) : resolved('var(--emotion-neutral)');
}

/** A colour of the style sheet, `light-dark()` and variables worked out. */
export function resolved(colour: string): string {
  const probe = document.createElement('i');
  probe.style.color = colour;
  document.body.append(probe);
  const made = getComputedStyle(probe).color;
  probe.remove();
  return made;
}

function hashed(label: string): string {
  let sum = 0;
  for (const letter of label) sum = (sum * 31 + letter.charCodeAt(0)) % 360;
  return `hsl(${sum} 55% 55%)`;
}
