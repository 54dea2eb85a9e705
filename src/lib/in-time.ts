import { UnusableFile } from "./unusable-file.ts";

/** How long something that is done to a file may take, in milliseconds. */
export const fileDeadline = 10_000;
/**
 * Node does such things on four threads, and at most so many of them are used. A file system that hangs, as NFS and FUSE
 * can, keeps one of them; one must be left for file systems that work.
 */
const mostThreads = 3;
/** Most at a time while nothing hangs. */
const mostAtOnce = 2;

/** Something that waits for its turn. */
interface Turn {
  readonly folder: string;
  start(): void;
  fail(error: Error): void;
}

/** Does things to files, one at a time in each place. A thing that hangs holds up its own place, and nothing else. */
export class FileTurns {
  readonly #deadline: number;
  readonly #waiting: Turn[] = [];
  /** Folders in which something is being done. */
  readonly #busy = new Set<string>();
  /** Folders of {@link #busy} in which that takes longer than it may. */
  readonly #overdue = new Set<string>();

  /** @param deadline in milliseconds. */
  constructor(deadline: number) {
    this.#deadline = deadline;
  }

  /**
   * Does something to a file when it is its turn. Work that is late goes on, since it can't be stopped, but nobody waits for it.
   * @param folder the place: the file's folder; or the folder that is looked at itself, because it may be where another
   * file system begins, which the folder above must not wait for.
   * @throws what it throws; or when it is late, or something else in the same place is.
   */
  async run<T>(folder: string, operation: () => Promise<T>): Promise<T> {
    await this.#turn(folder);
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      this.#overdue.add(folder);
      late.reject(tooLong(`did not answer within ${this.#deadline / 1000} s`));
      this.#next();
    }, this.#deadline);
    const done = (async () => operation())().finally(() => {
      clearTimeout(timer);
      this.#busy.delete(folder);
      this.#overdue.delete(folder);
      this.#next();
    });
    return Promise.race([done, late.promise]);
  }

  #turn(folder: string): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.push({ folder, start: resolve, fail: reject });
    this.#next();
    return promise;
  }

  #next(): void {
    for (const turn of this.#waiting.splice(0)) {
      const { folder } = turn;
      if (this.#overdue.has(folder)) turn.fail(tooLong("is in a folder that does not answer"));
      else if (this.#overdue.size >= mostThreads)
        turn.fail(tooLong(`is not looked at: ${[...this.#overdue].join(", ")} do not answer`));
      else if (this.#busy.has(folder) || this.#busy.size - this.#overdue.size >= this.#room)
        this.#waiting.push(turn);
      else {
        this.#busy.add(folder);
        turn.start();
      }
    }
  }

  get #room(): number {
    return Math.min(mostAtOnce, mostThreads - this.#overdue.size);
  }
}

const turns = new FileTurns(fileDeadline);

/** Does something to a file, with all others of the process that do: {@link FileTurns.run}. */
export function inTime<T>(folder: string, operation: () => Promise<T>): Promise<T> {
  return turns.run(folder, operation);
}

function tooLong(problem: string): UnusableFile {
  return new UnusableFile(`${problem}; check the file system that it is on`);
}
