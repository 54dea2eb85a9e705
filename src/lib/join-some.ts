/** More sentences would only hide the first ones. */
const most = 3;

/** The first few of some sentences, and how many more there are. */
export function joinSome(texts: readonly string[]): string {
  const first = texts.slice(0, most);
  return [...first, ...(texts.length > most ? [`and ${texts.length - most} more`] : [])].join("; ");
}
