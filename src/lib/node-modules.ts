import type * as Http from "node:http";
import type * as Http2 from "node:http2";

/*
 * Node's HTTP modules, loaded at first use and not as ES modules. An `import` reads every export of node:http, and
 * reading `http.WebSocket` loads undici: 45 ms of CPU time at start and 5 MiB in every process. node:http2, which only
 * gRPC checks need, takes another 20 ms.
 */

export const http = (): typeof Http => process.getBuiltinModule("node:http");
export const http2 = (): typeof Http2 => process.getBuiltinModule("node:http2");
