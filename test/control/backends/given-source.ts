import type { DiscoveryError, DiscoverySource } from "../../../src/discovery/source.ts";
import type { Result } from "../../../src/lib/result.ts";
import type { Backend } from "../../../src/model/backend.ts";

type Answer = Result<readonly Backend[], DiscoveryError>;

/** A source that yields what the test gives it. */
export class GivenSource implements DiscoverySource {
  #next = Promise.withResolvers<Answer | Error>();

  async *watch(signal: AbortSignal): AsyncGenerator<Answer> {
    while (!signal.aborted) {
      const answer = await this.#next.promise;
      this.#next = Promise.withResolvers();
      if (answer instanceof Error) throw answer;
      yield answer;
    }
  }

  /** Resolves when the answer has been dealt with. */
  async give(answer: Answer | Error): Promise<void> {
    this.#next.resolve(answer);
    await new Promise(setImmediate);
  }
}
