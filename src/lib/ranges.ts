/** `"502"` or `"500-599"`, both ends included. @returns ends that are equal for a single number. */
export function readRange(text: string): { readonly from: number; readonly to: number } {
  const [from, to = from] = text.split("-").map(Number) as [number, number?];
  return { from, to };
}

/** Every number of a range that {@link readRange} reads; empty where its ends are the wrong way round. */
export function numbersOf(text: string): number[] {
  const { from, to } = readRange(text);
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index);
}

/** Numbers as few texts, sorted: `429`, `500-599`. */
export function asRanges(numbers: readonly number[]): string[] {
  const texts: string[] = [];
  const sorted = [...new Set(numbers)].sort((a, b) => a - b);
  for (let start = 0, end = 0; start < sorted.length; start = ++end) {
    while (sorted[end + 1] === sorted[end]! + 1) end++;
    texts.push(start === end ? `${sorted[start]}` : `${sorted[start]}-${sorted[end]}`);
  }
  return texts;
}
