const clock = { ms: 0, text: "" };

/** @param ms since 1970. @returns the time as in `Date.toISOString`. Lines of one millisecond share the text. */
export function timeText(ms: number): string {
  if (ms !== clock.ms) {
    clock.ms = ms;
    clock.text = new Date(ms).toISOString();
  }
  return clock.text;
}

/** @returns the text as it stands between the quotes of a string of JSON. */
export const escaped = (text: string): string => JSON.stringify(text).slice(1, -1);
