const units = { "": 1, B: 1, KiB: 1_024, MiB: 1_024 ** 2, GiB: 1_024 ** 3 } as const;

/** `0`, `512B`, `64KiB`, `10MiB`, `1GiB`. @returns bytes; NaN when the text is not a size. */
export function parseSize(text: string): number {
  const [, amount, unit] = /^(\d{1,15})(|B|KiB|MiB|GiB)$/.exec(text) ?? [];
  return Number(amount) * units[unit as keyof typeof units];
}

/** In the largest unit that it is a multiple of, as {@link parseSize} reads it: `1536B`, `2KiB`. @param bytes a whole number. */
export function formatSize(bytes: number): string {
  const all = Object.entries(units).reverse();
  const [unit, length] = all.find(([, size]) => bytes >= size && bytes % size === 0) ?? ["B", 1];
  return `${bytes / length}${unit}`;
}
