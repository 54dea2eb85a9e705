const clock = { ms: 0, text: "" };

/** @returns the present time, as in `Date.toISOString`. Lines of one millisecond share the text. */
export function timeNow(): string {
  const now = Date.now();
  if (now !== clock.ms) {
    clock.ms = now;
    clock.text = new Date(now).toISOString();
  }
  return clock.text;
}

/** @returns the text as it stands between the quotes of a string of JSON. */
export const escaped = (text: string): string => JSON.stringify(text).slice(1, -1);
