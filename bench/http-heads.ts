/**
 * The cost of HTTP/1 per request, in nanoseconds and in bytes of heap: reading heads and writing them anew.
 * `node bench/http-heads.ts`; on a core of its own (`taskset -c 1`) it is steadier.
 */
import { cpus } from "node:os";
import { Bench } from "tinybench";
import { markDropped } from "../src/http/hop-by-hop.ts";
import { Http1Backend } from "../src/http/http1/backend.ts";
import { Http1Front } from "../src/http/http1/front.ts";
import { requestText } from "../src/http/http1/request-head.ts";
import { clientFraming, responseText } from "../src/http/http1/response-head.ts";
import type { RequestHead, RequestReceiver, ResponseHead, ResponseReceiver } from "../src/http/message.ts";
import { NameSet } from "../src/http/name-set.ts";
import { scanRequest, scanResponse } from "../src/http/scan.ts";
import { queryValue } from "../src/http/uri/query.ts";
import { bytesPerCall } from "../test/support/allocation.ts";

const limits = { head: 32 * 1024, fields: 128, target: 8 * 1024, underscores: "drop" } as const;
const runs = 1_000;
/** So many that the compiler is done with all of the code, also on a busy machine. */
const warmupIterations = 300;

const small = Buffer.from("GET /12 HTTP/1.1\r\nHost: localhost:8443\r\n\r\n\r\n".slice(0, -2));
const browser = Buffer.from(
  [
    "GET /assets/app/index-4f9c.js?v=12 HTTP/1.1",
    "Host: shop.example.com",
    "Connection: keep-alive",
    'sec-ch-ua: "Chromium";v="128", "Not;A=Brand";v="24", "Google Chrome";v="128"',
    "sec-ch-ua-mobile: ?0",
    'sec-ch-ua-platform: "Linux"',
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36",
    "Accept: */*",
    "Sec-Fetch-Site: same-origin",
    "Sec-Fetch-Mode: no-cors",
    "Sec-Fetch-Dest: script",
    "Referer: https://shop.example.com/",
    "Accept-Encoding: gzip, deflate, br, zstd",
    "Accept-Language: en-US,en;q=0.9,de;q=0.8",
    "Cookie: session=5f1c2d3e4b5a69788796a5b4c3d2e1f0",
    "\r\n",
  ].join("\r\n"),
);
const response = Buffer.from(
  "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Sat, 28 Nov 2026 12:00:00 GMT\r\nContent-Type: text/plain\r\nContent-Length: 12\r\nConnection: keep-alive\r\n\r\nhello world\n",
);

const forwarded = new NameSet(["x-forwarded-*", "forwarded", "x-real-ip", "x-request-id"]);
const drops = [forwarded];
const added = "x-forwarded-for: 198.51.100.9\r\nx-forwarded-proto: https\r\n";
let written = 0;

/** Sends the head on, as a proxy does, and has been answered at once. */
class Answering implements RequestReceiver {
  readonly front = new Http1Front({ scheme: "https", limits, held: 65_536 }, this);
  request(head: RequestHead): void {
    written += requestText(head, { dropped: markDropped(head.fields, drops), lines: added }).length;
    this.front.answered();
  }
  body = (): boolean => true;
  end(): void {}
  fail(): never {
    throw new Error("the request was refused");
  }
}

class Receiving implements ResponseReceiver {
  readonly backend = new Http1Backend({ head: 65_536, fields: 256, underscores: "pass" });
  response(head: ResponseHead): void {
    written += responseText(head, clientFraming(head, "GET", 1), "", undefined).length;
  }
  body = (): boolean => true;
  interim(): void {}
  switched(): void {}
  end(): void {}
  fail(): never {
    throw new Error("the response was refused");
  }
}

const { front } = new Answering();
const receiving = new Receiving();
const works: Readonly<Record<string, () => void>> = {
  [`scan a request of ${small.length} B`]: () => void scanRequest(small, 0, small.length, limits),
  [`scan a browser's of ${browser.length} B`]: () => void scanRequest(browser, 0, browser.length, limits),
  [`scan a response's head of ${response.length - 12} B`]: () =>
    void scanResponse(response, 0, response.length, limits),
  "read the small request and write it anew": () => void front.receive(small, 0, small.length),
  "read the browser's and write it anew": () => void front.receive(browser, 0, browser.length),
  "read the response and write it anew": () => {
    receiving.backend.begin("GET", "", receiving);
    receiving.backend.receive(response, 0, response.length);
  },
  "look for the last of four keys in a query": () => void queryValue("?a=1&b=2&c=3&beta=4", "beta"),
};

/** @returns the time of one call in the fastest round, in nanoseconds: the time of other processes is no part of it. */
async function leastOf(run: () => void): Promise<number> {
  const bench = new Bench({ time: 400, warmupIterations, iterations: 5 });
  const [task] = await bench
    .add("run", () => {
      for (let count = 0; count < runs; count++) run();
    })
    .run();
  if (task?.result.state !== "completed") throw new Error(`the benchmark ended as ${task?.result.state}`);
  return (task.result.latency.min * 1e6) / runs;
}

/** @returns the bytes of heap of one call. A head takes too many for as many calls as are measured at a time. */
function bytesOf(run: () => void): number {
  const share = 50;
  return (
    share *
    bytesPerCall((times) => {
      for (let count = 0; count < times; count += share) run();
    })
  );
}

const rows: Record<string, string | number>[] = [];
for (const [work, run] of Object.entries(works)) {
  rows.push({ work, ns: Math.round(await leastOf(run)), bytes: Math.round(bytesOf(run)) });
}
console.log(`Node ${process.versions.node}, ${cpus()[0]?.model}, ${new Date().toISOString().slice(0, 10)}`);
console.table(rows);
if (written === 0) throw new Error("nothing was written");
