import { once } from "node:events";
import { type ClientHttp2Session, connect } from "node:http2";

/*
 * Asks for 100 small answers at a time over one connection, again and again: alone, and beside a large body that goes up and
 * down through one stream. Prints one line: the median and the p99 of the time that an answer took, in milliseconds, of both.
 */
const [port = "", rounds = "", bytes = ""] = process.argv.slice(2);
const client = connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });
const atATime = 100;

async function small(session: ClientHttp2Session, times: number[]): Promise<void> {
  const began = performance.now();
  const stream = session.request({ ":path": "/small" });
  stream.resume();
  await once(stream, "end");
  times.push(performance.now() - began);
}

async function round(times: number[]): Promise<void> {
  await Promise.all(Array.from({ length: atATime }, () => small(client, times)));
}

function percentiles(times: readonly number[]): readonly [median: number, p99: number] {
  const sorted = times.toSorted((one, other) => one - other);
  return [sorted[Math.floor(times.length * 0.5)]!, sorted[Math.floor(times.length * 0.99)]!];
}

async function echo(total: number): Promise<number> {
  const piece = Buffer.alloc(65_536, "umay");
  const stream = client.request({ ":method": "POST", ":path": "/echo" });
  let got = 0;
  stream.on("data", (part: Buffer) => {
    got += part.length;
  });
  const ended = once(stream, "end");
  for (let left = total; left > 0; left -= piece.length)
    if (!stream.write(piece)) await once(stream, "drain");
  stream.end();
  await ended;
  return got;
}

for (let count = 0; count < 20; count++) await round([]);
const alone: number[] = [];
for (let count = 0; count < Number(rounds); count++) await round(alone);
const beside: number[] = [];
let isOver = false;
const large = echo(Number(bytes)).finally(() => {
  isOver = true;
});
while (!isOver) await round(beside);
const got = await large;
client.close();
console.log(
  JSON.stringify({ alone: percentiles(alone), beside: percentiles(beside), answers: beside.length, got }),
);
