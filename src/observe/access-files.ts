import type { Model } from "../model/model.ts";
import { AccessFile } from "./access-file.ts";
import type { LogDestination } from "./destination.ts";
import type { Logger } from "./logger.ts";

/** Means standard output, whatever that is: it can't always be opened. */
const standardOutput = "/dev/stdout";

/** The files with lines of requests: that of `log.access`, and those of listeners. */
export class AccessFiles {
  readonly #usual: AccessFile;
  readonly #logger: Logger;
  readonly #output: Pick<LogDestination, "writeAsIs">;
  #files: ReadonlyMap<string, AccessFile> = new Map();
  /** Of files that were left. */
  #dropped = 0;

  constructor(logger: Logger, output: Pick<LogDestination, "writeAsIs">) {
    this.#usual = new AccessFile(logger);
    this.#logger = logger;
    this.#output = output;
  }

  get dropped(): number {
    return [...this.#files.values()].reduce(
      (sum, file) => sum + file.dropped,
      this.#dropped + this.#usual.dropped,
    );
  }

  /** Lines go to these files from now on. @throws where one of them can't be opened; nothing changes then. */
  follow({ log, listeners }: Pick<Model, "log" | "listeners">): void {
    const paths = listeners.flatMap(({ chains }) =>
      chains
        .flatMap(({ serve }) => (serve.kind === "http" ? (serve.front.logs ?? []) : []))
        .map(({ file }) => file),
    );
    const files = new Map<string, AccessFile>();
    const opened: AccessFile[] = [];
    try {
      for (const path of new Set(paths.filter((each) => each !== standardOutput))) {
        const known = this.#files.get(path);
        const file = known ?? new AccessFile(this.#logger);
        if (known === undefined) {
          file.follow(path);
          opened.push(file);
        }
        files.set(path, file);
      }
      this.#usual.follow(log.access?.file);
    } catch (error) {
      for (const file of opened) file.follow(undefined);
      throw error;
    }
    for (const [path, file] of this.#files)
      if (!files.has(path)) {
        this.#dropped += file.dropped;
        void file.flush().then(() => file.follow(undefined));
      }
    this.#files = files;
  }

  /** @param lines each with its newline. @param path undefined: that of `log.access`. */
  write(lines: string | Uint8Array, path: string | undefined): void {
    if (path === undefined) this.#usual.write(lines);
    else if (path === standardOutput) this.#output.writeAsIs(lines);
    else this.#files.get(path)?.write(lines);
  }

  /** Opens each file anew, because another program has renamed it. */
  reopen(): void {
    if (this.#usual.hasPath || this.#files.size === 0) this.#usual.reopen();
    for (const file of this.#files.values()) file.reopen();
  }

  async flush(): Promise<void> {
    await Promise.all([this.#usual, ...this.#files.values()].map((file) => file.flush()));
  }
}
