import { find, versionOf } from "../machine.ts";

/** How a proxy's program is called, and how it says its version. */
export interface Program {
  readonly command: string;
  readonly versionArgs: readonly string[];
  /** The first group is the version. */
  readonly version: RegExp;
}

/** A program that may be there: the one on PATH, or a certain release beside it. */
export interface Located {
  /** Added to the peer's name and title, such as "3.2"; empty for the one on PATH. */
  readonly release: string;
  /** A path, or a command on PATH. */
  readonly file: string;
  readonly found: string | undefined;
  /** Why it was not found. */
  readonly missing: string;
}

/** Whichever version is on PATH. */
export function onPath({ command, versionArgs, version }: Program): Located {
  const found = versionOf(command, versionArgs, version);
  return { release: "", file: command, found, missing: "it is not installed" };
}

/**
 * A release that is measured beside the one on PATH. A variable of the environment names its program: HAPROXY_3_2 for
 * HAProxy 3.2. Where PATH has that release, it is measured already.
 * @param release the first numbers of its version, such as "3.2".
 */
export function releaseOf(program: Program, release: string): Located {
  const { command, versionArgs, version } = program;
  const variable = `${command}_${release}`.toUpperCase().replaceAll(/\W/g, "_");
  const file = process.env[variable];
  const isRelease = (found: string | undefined): boolean => found?.startsWith(`${release}.`) === true;
  if (file === undefined) {
    const missing = isRelease(onPath(program).found)
      ? `${command} on PATH is that release`
      : `${variable} does not name its program`;
    return { release, file: command, found: undefined, missing };
  }
  const found = versionOf(file, versionArgs, version);
  if (isRelease(found)) return { release, file, found, missing: "" };
  return { release, file, found: undefined, missing: `${variable} names ${found ?? "no program"}: ${file}` };
}

/** A peer's name and title with the release, where it is a certain one. */
export function named(name: string, title: string, { release }: Located): { name: string; title: string } {
  return release === "" ? { name, title } : { name: `${name}-${release}`, title: `${title} ${release}` };
}

/** The path of a located program. */
export function pathOf({ file }: Located): string {
  return find(file)!;
}
