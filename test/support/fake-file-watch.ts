import type { WatchFile } from "../../src/discovery/dependencies.ts";

/** A watch that sees changes when a test says so. */
export class FakeFileWatch {
  readonly #watched = new Set<() => Promise<void>>();

  readonly watchFile: WatchFile = (_, onChange) => {
    this.#watched.add(onChange);
    void onChange();
    return { lookAgain: () => {}, stop: () => void this.#watched.delete(onChange) };
  };

  /** How many watch now. */
  get watching(): number {
    return this.#watched.size;
  }

  /** Resolves when everyone who watches has looked. */
  async change(): Promise<void> {
    await Promise.all([...this.#watched].map((look) => look()));
  }
}
