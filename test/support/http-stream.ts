import { HttpClient } from "./http-client.ts";
import { type Asked, ask, type Served } from "./http-crowd.ts";

/** Requests that come at a rate, whether or not those before them are answered, as long as clients are free. */
export interface Stream {
  /** Requests a second. */
  readonly rate: number;
  readonly count: number;
  /** Clients that there are. */
  readonly clients: number;
  /** The nth request. */
  readonly request: (number: number) => Asked;
}

/** The outcome of one request of a stream. */
export interface Streamed extends Served {
  readonly number: number;
  /** By performance.now(). */
  readonly began: number;
}

/** Sends all of them, each on a connection that is free, and waits for all answers. */
export async function stream(
  port: number,
  { rate, count, clients, request }: Stream,
): Promise<readonly Streamed[]> {
  const free: HttpClient[] = [];
  const answers: Promise<Streamed>[] = [];
  let busy = 0;
  const one = async (number: number): Promise<Streamed> => {
    busy++;
    const client = free.pop() ?? (await HttpClient.connect(port));
    const began = performance.now();
    const { stays, ...served } = await ask(client, request(number));
    if (stays) free.push(client);
    else client[Symbol.dispose]();
    busy--;
    return { ...served, number, began };
  };
  const start = performance.now();
  while (answers.length < count) {
    const due = Math.min(count, Math.floor(((performance.now() - start) * rate) / 1_000));
    while (answers.length < due && busy < clients) answers.push(one(answers.length));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const all = await Promise.all(answers);
  for (const client of free) client[Symbol.dispose]();
  return all;
}
