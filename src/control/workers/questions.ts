/** Questions to workers that wait for an answer, by their numbers. */
export class Questions<Answer> {
  readonly #open = new Map<number, (answer: Answer) => void>();
  #last = 0;

  /**
   * @param post sends the question with its number.
   * @param time to wait for an answer, in milliseconds.
   * @returns undefined when none comes in time.
   */
  async ask(post: (id: number) => void, time: number): Promise<Answer | undefined> {
    const id = ++this.#last;
    const { promise, resolve } = Promise.withResolvers<Answer | undefined>();
    this.#open.set(id, resolve);
    post(id);
    const timer = setTimeout(resolve, time, undefined);
    const answer = await promise;
    clearTimeout(timer);
    this.#open.delete(id);
    return answer;
  }

  /** An answer came, perhaps too late. */
  answered(id: number, answer: Answer): void {
    this.#open.get(id)?.(answer);
  }
}
