/**
 * The URL of another module of this program, for a thread to start from: `.ts` when the sources run as they are,
 * `.js` when they were compiled. The compiler rewrites imports, but not URLs.
 * @param path relative to `base`, without extension.
 * @param base the caller's `import.meta.url`.
 */
export function sourceUrl(path: string, base: string): URL {
  return new URL(path + base.slice(base.lastIndexOf(".")), base);
}
