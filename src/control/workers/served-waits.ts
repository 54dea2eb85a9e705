/** Somebody who waits for a version to be served. */
interface Wait {
  readonly version: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** How long to wait for a version, and the error if that was too short. */
export interface Deadline {
  /** In milliseconds. */
  readonly time: number;
  readonly error: () => Error;
}

/** Waits for versions to be served by every worker. */
export class ServedWaits {
  readonly #waits = new Set<Wait>();

  /**
   * Resolves when this version, or a newer one, is served.
   * @param deadline undefined: there is none.
   * @throws where it can't be served, or is not served in time.
   */
  async until(version: number, deadline: Deadline | undefined): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const wait = { version, resolve, reject };
    this.#waits.add(wait);
    const timer = deadline && setTimeout(() => reject(deadline.error()), deadline.time);
    await promise.finally(() => {
      clearTimeout(timer);
      this.#waits.delete(wait);
    });
  }

  /** @param applied the newest version that every worker serves. */
  served(applied: number): void {
    for (const wait of this.#waits) if (wait.version <= applied) wait.resolve();
  }

  /** A worker does not serve this version, and so none of those before it that somebody still waits for. */
  refused(version: number, reason: string): void {
    for (const wait of this.#waits) if (wait.version <= version) wait.reject(new Error(reason));
  }
}
