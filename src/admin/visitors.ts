/** As much of a socket as is needed to keep a place for it. */
export interface Visitor {
  readonly remoteAddress?: string | undefined;
  destroy(): void;
  once(event: "close", listener: () => void): unknown;
}

/**
 * The connections of the admin server, with a bound on their number. When it is full, a newcomer takes the place of the
 * connection that has been without a request for longest, so that no number of clients that only connect keeps a probe
 * out. Connections from this machine have further places of their own.
 */
export class Visitors {
  readonly #most: number;
  readonly #local: number;
  readonly #isLocal: (visitor: Visitor) => boolean;
  /** Connections without a request, the one that waits for longest first. */
  readonly #waiting = new Map<Visitor, Origin>();
  readonly #asking = new Map<Visitor, Origin>();

  /**
   * @param most places that everybody may have.
   * @param local further ones for connections from this machine.
   */
  constructor(most: number, local: number, isLocal: (visitor: Visitor) => boolean) {
    this.#most = most;
    this.#local = local;
    this.#isLocal = isLocal;
  }

  /** A connection was accepted: it gets a place, of another one where that is needed, or is closed. */
  arrived(visitor: Visitor): void {
    const origin = this.#isLocal(visitor) ? "local" : "remote";
    if (this.#isFull(origin)) this.#dropOldest(origin);
    if (this.#isFull(origin)) {
      visitor.destroy();
      return;
    }
    this.#waiting.set(visitor, origin);
    visitor.once("close", () => {
      this.#waiting.delete(visitor);
      this.#asking.delete(visitor);
    });
  }

  /** Its request is there: its place is safe until {@link Visitors.answered}. */
  asked(visitor: Visitor): void {
    move(visitor, this.#waiting, this.#asking);
  }

  answered(visitor: Visitor): void {
    move(visitor, this.#asking, this.#waiting);
  }

  #isFull(origin: Origin): boolean {
    const most = origin === "local" ? this.#most + this.#local : this.#most;
    return this.#waiting.size + this.#asking.size >= most;
  }

  /** One from elsewhere gives way first. The places of this machine are safe from those who come from elsewhere. */
  #dropOldest(origin: Origin): void {
    const mayTakeLocal = origin === "local" || this.#localCount() > this.#local;
    const oldest = this.#oldest("remote") ?? (mayTakeLocal ? this.#oldest("local") : undefined);
    if (oldest === undefined) return;
    this.#waiting.delete(oldest);
    oldest.destroy();
  }

  #oldest(origin: Origin): Visitor | undefined {
    for (const [visitor, of] of this.#waiting) if (of === origin) return visitor;
    return undefined;
  }

  #localCount(): number {
    return [...this.#waiting.values(), ...this.#asking.values()].filter((of) => of === "local").length;
  }
}

type Origin = "local" | "remote";

function move(visitor: Visitor, from: Map<Visitor, Origin>, to: Map<Visitor, Origin>): void {
  const origin = from.get(visitor);
  if (origin === undefined) return;
  from.delete(visitor);
  to.set(visitor, origin);
}
