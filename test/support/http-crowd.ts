import { HttpClient } from "./http-client.ts";

/** The outcome of one request of a crowd. */
export interface Served {
  /** 0: the connection ended instead. */
  readonly status: number;
  readonly reason: string;
  /** In milliseconds. */
  readonly took: number;
}

/** A request without a body. */
export interface Asked {
  readonly method?: string;
  readonly path: string;
}

/** Sends a request and waits for its answer. `stays`: the connection is good for another one. */
export async function ask(
  client: HttpClient,
  { method = "GET", path }: Asked,
): Promise<Served & { readonly stays: boolean }> {
  const began = performance.now();
  const took = (): number => performance.now() - began;
  const length = method === "POST" ? "content-length: 0\r\n" : "";
  client.write(`${method} ${path} HTTP/1.1\r\nhost: a.example\r\n${length}\r\n`);
  try {
    const { status, body, fields } = await client.response(method);
    const reason = /: (\w+)/.exec(body.toString())?.[1] ?? "";
    return { status, reason, took: took(), stays: fields.get("connection") !== "close" };
  } catch (error) {
    return { status: 0, reason: String(error), took: took(), stays: false };
  }
}

/** Requests of many clients, each with a connection of its own that it uses again. */
export interface Crowd extends Asked {
  readonly clients: number;
  /** Of each client. */
  readonly requests: number;
  /** Between two requests of a client, in milliseconds. */
  readonly pause?: number;
}

/** Sends all of them and waits for all answers. */
export async function crowd(
  port: number,
  { clients, requests, path, pause = 0, ...rest }: Crowd,
): Promise<readonly Served[]> {
  const outcomes: Served[] = [];
  const one = async (number: number): Promise<void> => {
    let client = await HttpClient.connect(port);
    for (let count = 0; count < requests; count++) {
      const { stays, ...served } = await ask(client, { ...rest, path: `${path}/${number}-${count}` });
      outcomes.push(served);
      if (stays) {
        if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause));
        continue;
      }
      client[Symbol.dispose]();
      client = await HttpClient.connect(port);
    }
    client[Symbol.dispose]();
  };
  await Promise.all(Array.from({ length: clients }, (_, number) => one(number)));
  return outcomes;
}

/** The median of their times, in milliseconds. */
export const median = (outcomes: readonly Served[]): number => percentile(outcomes, 0.5);

/** @param share from 0 to 1. @returns the time within which that share of them was over, in milliseconds. */
export function percentile(outcomes: readonly Served[], share: number): number {
  const times = outcomes.map(({ took }) => took).sort((one, other) => one - other);
  return times[Math.floor(times.length * share)]!;
}

/** How often each status came. */
export function statuses(outcomes: readonly Served[]): Readonly<Record<number, number>> {
  const counts: Record<number, number> = {};
  for (const { status } of outcomes) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}
