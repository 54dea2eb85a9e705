/** `1 connection`, `2 connections`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

const units = [
  ["d", 86_400],
  ["h", 3_600],
  ["min", 60],
] as const;

/** `45 s`, `2 min 5 s`, `3 d 4 h`: the two largest units that it has, whole seconds at the end. */
export function duration(seconds: number): string {
  let rest = Math.round(seconds);
  const parts: string[] = [];
  for (const [unit, size] of units) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) parts.push(`${count} ${unit}`);
  }
  if (rest > 0 || parts.length === 0) parts.push(`${rest} s`);
  return parts.slice(0, 2).join(" ");
}

/** `450 ms`, `4.5 s`, `2 min 5 s`. */
export function shortDuration(seconds: number): string {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  return seconds < 10 ? `${seconds.toFixed(1)} s` : duration(seconds);
}

const sizes = ["B", "KiB", "MiB", "GiB", "TiB"];

/** `0`, `512 B`, `1.5 KiB`, `23 MiB`: to two or three digits. */
export function bytes(count: number): string {
  if (count === 0) return "0";
  let size = count;
  let unit = 0;
  for (; size >= 999.5 && unit < sizes.length - 1; unit++) size /= 1024;
  return `${unit > 0 && size < 9.95 ? size.toFixed(1) : Math.round(size)} ${sizes[unit]}`;
}
