/** Events by their times: a binary heap that gives back the earliest first. */
export class EventQueue {
  #times = new Float64Array(1024);
  #values = new Int32Array(1024);
  #size = 0;

  /** When the earliest happens; infinity when nothing does. */
  get next(): number {
    return this.#size === 0 ? Number.POSITIVE_INFINITY : this.#times[0]!;
  }

  add(time: number, value: number): void {
    if (this.#size === this.#times.length) this.#grow();
    let place = this.#size++;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (this.#times[parent]! <= time) break;
      this.#move(parent, place);
      place = parent;
    }
    this.#times[place] = time;
    this.#values[place] = value;
  }

  /** Takes the earliest. @returns its value. */
  take(): number {
    const first = this.#values[0]!;
    const last = --this.#size;
    const time = this.#times[last]!;
    const value = this.#values[last]!;
    let place = 0;
    for (let child = 1; child < last; child = 2 * place + 1) {
      if (child + 1 < last && this.#times[child + 1]! < this.#times[child]!) child++;
      if (this.#times[child]! >= time) break;
      this.#move(child, place);
      place = child;
    }
    this.#times[place] = time;
    this.#values[place] = value;
    return first;
  }

  #move(from: number, to: number): void {
    this.#times[to] = this.#times[from]!;
    this.#values[to] = this.#values[from]!;
  }

  #grow(): void {
    const times = new Float64Array(2 * this.#times.length);
    const values = new Int32Array(2 * this.#values.length);
    times.set(this.#times);
    values.set(this.#values);
    this.#times = times;
    this.#values = values;
  }
}
