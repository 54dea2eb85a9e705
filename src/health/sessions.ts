import type { CheckTarget } from "./check.ts";

/** The clocks for the age of sessions, in milliseconds. */
export interface Clocks {
  /** Monotonic. */
  now(): number;
  /** Time since 1970, as in certificates. */
  date(): number;
  /** Uniform in [0, 1). */
  random(): number;
}

const systemClocks: Clocks = {
  now: () => performance.now(),
  date: () => Date.now(),
  random: () => Math.random(),
};

interface Kept {
  /** Undefined when the backend has given none, or refused it. */
  session: Buffer | undefined;
  readonly until: number;
  /** The certificate's end, since 1970. */
  readonly notAfter: number;
}

/** The TLS sessions that checks resume. It decides when a full handshake is due. */
export class Sessions {
  readonly #lifetime: number;
  readonly #clocks: Clocks;
  readonly #kept = new WeakMap<CheckTarget, Kept>();

  /** @param lifetime time after its full handshake in which a session is resumed, in milliseconds. */
  constructor(lifetime: number, clocks = systemClocks) {
    this.#lifetime = lifetime;
    this.#clocks = clocks;
  }

  /** @returns the session to resume; undefined when a full handshake is due. */
  of(target: CheckTarget): Buffer | undefined {
    const kept = this.#kept.get(target);
    return kept !== undefined && this.#fresh(kept) ? kept.session : undefined;
  }

  /**
   * A full handshake is done and verified.
   * @param notAfter the certificate's end, in milliseconds since 1970.
   * @returns whether its session is wanted; not soon after a handshake that gave none.
   */
  verified(target: CheckTarget, notAfter: number): boolean {
    const before = this.#kept.get(target);
    if (before !== undefined && before.session === undefined && this.#fresh(before)) return false;
    if (this.#lifetime <= 0) return false;
    const { now, random } = this.#clocks;
    // The first session lives shorter, so that backends that were found together are not verified together for ever.
    const share = before === undefined ? random() : 1;
    this.#kept.set(target, { session: undefined, until: now() + this.#lifetime * share, notAfter });
    return true;
  }

  keep(target: CheckTarget, session: Buffer): void {
    const kept = this.#kept.get(target);
    if (kept !== undefined) kept.session = session;
  }

  /** The backend refused its session: full handshakes until the session would have been too old. */
  refused(target: CheckTarget): void {
    const kept = this.#kept.get(target);
    if (kept !== undefined) kept.session = undefined;
  }

  /** The next handshake is a full one. */
  forget(target: CheckTarget): void {
    this.#kept.delete(target);
  }

  #fresh({ until, notAfter }: Kept): boolean {
    return this.#clocks.now() < until && this.#clocks.date() < notAfter;
  }
}
