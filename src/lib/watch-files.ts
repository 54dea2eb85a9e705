import { type FSWatcher, watch } from "node:fs";
import { lstat, readlink, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path/posix";
import { inTime } from "./in-time.ts";

export interface WatchFilesOptions {
  /** A change is over after this time without another one, in milliseconds. */
  readonly settle: number;
  /** Longest time between two looks, in milliseconds: not every file system reports changes. */
  readonly poll: number;
  /** Called when a folder can't be watched, once for each error code. Then only the poll finds changes there. */
  readonly onBlind: (error: NodeJS.ErrnoException) => void;
  /** For tests. */
  readonly watch?: typeof watch;
}

/** A watch that never settles counts as settled after this many times `settle`. */
const longestUnrest = 10;
/** Number of links that Linux follows on one path. */
const mostLinks = 40;

interface WatchedFolder {
  readonly watcher: FSWatcher;
  /** Differs when another folder took the place of this one. */
  readonly inode: bigint;
  names: ReadonlySet<string>;
}

/**
 * Watches files by the folders that they are in, so that atomic renames and files that come back are seen; and by the
 * folders of every symbolic link and folder on the way to them, so that a swapped link is seen too, as Kubernetes and
 * deployments with a `current` link have them, and a renamed folder. Calls back for the first time when it watches; never twice at the same time.
 */
export class FileWatch {
  readonly #files: () => readonly string[];
  readonly #onChange: () => Promise<void>;
  readonly #options: WatchFilesOptions;
  readonly #folders = new Map<string, WatchedFolder>();
  readonly #blind = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #unrestSince = 0;
  #running = false;
  #again = false;
  #stopped = false;

  /** @param onChange is called when any of the files may have changed; must not reject. */
  constructor(files: () => readonly string[], onChange: () => Promise<void>, options: WatchFilesOptions) {
    this.#files = files;
    this.#onChange = onChange;
    this.#options = options;
    void this.#run();
  }

  /** Calls back again after this time in any case, in milliseconds. */
  lookAgain(after: number): void {
    this.#schedule(after);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    for (const { watcher } of this.#folders.values()) watcher.close();
    this.#folders.clear();
  }

  /** Links may lead elsewhere by now. So it first watches and then looks: no change is missed between the two. */
  async #run(): Promise<void> {
    if (this.#running) {
      this.#again = true;
      return;
    }
    this.#running = true;
    do {
      this.#again = false;
      this.#schedule(this.#options.poll);
      await this.#watchFolders();
      if (!this.#stopped) await this.#onChange();
    } while (this.#again && !this.#stopped);
    this.#running = false;
  }

  #schedule(after: number): void {
    clearTimeout(this.#timer);
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#unrestSince = 0;
      void this.#run();
    }, after).unref();
  }

  #noticed(folder: string, name: string | null): void {
    const names = this.#folders.get(folder)?.names;
    if (name !== null && name !== basename(folder) && !names?.has(name)) return;
    const now = performance.now();
    this.#unrestSince ||= now;
    if (now - this.#unrestSince < longestUnrest * this.#options.settle) this.#schedule(this.#options.settle);
  }

  async #watchFolders(): Promise<void> {
    const wanted = new Map<string, Set<string>>();
    const known = new Map<string, Promise<Step>>();
    const decisive = new Set<string>();
    for (const file of this.#files())
      for (const { folder, name, above } of await placesOf(file, known)) {
        const names = wanted.get(folder) ?? new Set();
        wanted.set(folder, names.add(name));
        if (!above) decisive.add(folder);
      }
    const inodes = new Map<string, bigint>();
    for (const folder of wanted.keys()) {
      const found = await inTime(folder, () => stat(folder, { bigint: true })).catch(() => undefined);
      if (found !== undefined) inodes.set(folder, found.ino);
    }
    if (this.#stopped) return;
    for (const [folder, watched] of this.#folders)
      if (inodes.get(folder) !== watched.inode) {
        watched.watcher.close();
        this.#folders.delete(folder);
      }
    for (const [folder, inode] of inodes)
      this.#watchFolder(folder, inode, wanted.get(folder)!, decisive.has(folder));
  }

  /** @param decisive whether it is told where it can't be watched: of those above, only that they are renamed would be missed. */
  #watchFolder(folder: string, inode: bigint, names: ReadonlySet<string>, decisive: boolean): void {
    const watched = this.#folders.get(folder);
    if (watched !== undefined) {
      watched.names = names;
      return;
    }
    try {
      const watcher = (this.#options.watch ?? watch)(folder, { persistent: false }, (_, name) =>
        this.#noticed(folder, name),
      );
      watcher.on("error", (error) => decisive && this.#lost(error));
      this.#folders.set(folder, { watcher, inode, names });
    } catch (error) {
      if (decisive) this.#lost(error as Error);
    }
  }

  #lost(error: NodeJS.ErrnoException): void {
    const code = error.code ?? "";
    if (this.#blind.has(code)) return;
    this.#blind.add(code);
    this.#options.onBlind(error);
  }
}

/** The thing at a path: a link with its target, a folder, a file, or nothing. */
type Step = { readonly link: string } | "folder" | "file" | "nothing";

/** @param last whether the path ends there; else it goes on in what must be a folder. */
async function stepAt(path: string, last: boolean): Promise<Step> {
  try {
    return await inTime(last ? dirname(path) : path, async () => {
      const found = await lstat(path);
      if (found.isSymbolicLink()) return { link: await readlink(path) };
      return found.isDirectory() ? "folder" : "file";
    });
  } catch {
    return "nothing";
  }
}

interface Place {
  readonly folder: string;
  /** In the folder. */
  readonly name: string;
  /** Whether it is a folder that the rest of the path goes through. */
  readonly above: boolean;
}

/**
 * Where a change can make a path mean something else: folder and name of every folder and link on the way, which can be
 * renamed, and of what it leads to in the end; where that is missing, of the first part that is.
 */
async function placesOf(file: string, known: Map<string, Promise<Step>>): Promise<readonly Place[]> {
  const places: Place[] = [];
  let links = 0;
  const names = file.split("/");
  let folder = "/";
  for (let name = names.shift(); name !== undefined; name = names.shift()) {
    if (name === "" || name === ".") continue;
    if (name === "..") {
      folder = dirname(folder);
      continue;
    }
    const path = join(folder, name);
    const step = known.get(path) ?? stepAt(path, names.length === 0);
    known.set(path, step);
    const found = await step;
    const above = found === "folder" && names.length > 0;
    places.push({ folder, name, above });
    if (above) {
      folder = path;
      continue;
    }
    if (typeof found === "string" || ++links > mostLinks) break;
    if (found.link.startsWith("/")) folder = "/";
    names.unshift(...found.link.split("/"));
  }
  return places;
}

/** The stamp of a file that is not there, or can't be looked at. */
export const missing = "missing";

/** Differs when a file was written, replaced or removed. */
export async function stampOf(file: string): Promise<string> {
  return inTime(dirname(file), () => stat(file, { bigint: true })).then(
    ({ dev, ino, size, mtimeNs, ctimeNs }) => [dev, ino, size, mtimeNs, ctimeNs].join("-"),
    () => missing,
  );
}
