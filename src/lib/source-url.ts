const here = import.meta.url;

/**
 * The URL of another module of this program, for a new thread: `.ts` when the sources run as they are, `.js` when they
 * were built. The build rewrites imports but not URLs. Its files lie one folder deep, as this one does.
 * @param path from `src/` or `dist/`, without extension: `data/worker`.
 */
export function sourceUrl(path: string): URL {
  return new URL(`../${path}${here.slice(here.lastIndexOf("."))}`, here);
}
