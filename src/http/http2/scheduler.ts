/** A stream, as the order of sending sees it. */
export interface Sender {
  /** 0, first, to 7, last (RFC 9218 section 4.1). */
  urgency: number;
  /** Whether it waits for its turn already. */
  waiting: boolean;
}

/** The order of sending: the most urgent streams first, and streams of one urgency one after the other. */
export class Scheduler<S extends Sender> {
  /** By urgency, once somebody has waited there. */
  readonly #lines: (S[] | undefined)[] = [];
  #count = 0;

  /** How many wait for a turn. */
  get count(): number {
    return this.#count;
  }

  /** Goes to the end of its line, unless it waits already. */
  add(sender: S): void {
    if (sender.waiting) return;
    sender.waiting = true;
    const line = this.#lines[sender.urgency];
    if (line === undefined) this.#lines[sender.urgency] = [sender];
    else line.push(sender);
    this.#count++;
  }

  /** @returns whose turn it is, who then no longer waits. */
  next(): S | undefined {
    if (this.#count === 0) return undefined;
    for (const line of this.#lines) {
      const sender = line?.shift();
      if (sender === undefined) continue;
      sender.waiting = false;
      this.#count--;
      return sender;
    }
    return undefined;
  }

  remove(sender: S): void {
    if (!sender.waiting) return;
    const line = this.#lines[sender.urgency]!;
    line.splice(line.indexOf(sender), 1);
    sender.waiting = false;
    this.#count--;
  }

  /** @param urgency from now on. */
  move(sender: S, urgency: number): void {
    const { waiting } = sender;
    this.remove(sender);
    sender.urgency = urgency;
    if (waiting) this.add(sender);
  }
}

/** Where nobody says anything (RFC 9218 section 4.1). */
export const usualUrgency = 3;

/**
 * The `u` of a Priority field (RFC 9218 section 4). Only the form that is in use is read: a list with `u=` and a digit.
 * @returns 0 to 7; 3 where there is none.
 */
export function urgencyOf(priority: string): number {
  for (let at = priority.indexOf("u="); at >= 0; at = priority.indexOf("u=", at + 1)) {
    const before = at === 0 ? "," : priority[at - 1];
    const digit = priority.charCodeAt(at + 2) - 0x30;
    const after = priority[at + 3];
    const ends = after === undefined || after === "," || after === " " || after === ";";
    if ((before === "," || before === " ") && digit >= 0 && digit <= 7 && ends) return digit;
  }
  return usualUrgency;
}
