/**
 * The name of the test that shows a row of docs/http-cases.md in the file that the row names, or its begin; for each section, by
 * number and file. Files that are named in several rows of a section with one test stand once, with all their numbers.
 */
export const evidence: Readonly<
  Record<string, readonly (readonly [rows: string, file: string, test: string])[]>
> = {
  Requests: [
    ["23", "test/integration/http-spoofing.test.ts", "a client cannot pass for another one"],
    ["25", "test/data/serve/http/expectation.test.ts", "gets one after a second of silence"],
  ],
  Answers: [
    ["31", "test/integration/http-bad-backends.test.ts", "whatever a backend does wrong"],
    ["32", "test/integration/http-proxy.test.ts", "an answer that is cut short never looks complete"],
    [
      "36",
      "test/integration/http-change.test.ts",
      "a WebSocket passes both ways, with what came right behind the 101",
    ],
    ["37", "test/http/http1/backend.test.ts", "another answer leaves the connection as it was"],
    ["38", "test/http/http1/backend.test.ts", "bytes that nobody asked for end an idle connection"],
    [
      "40",
      "test/integration/http-kept.test.ts",
      "a backend that closes idle connections at any moment costs no request",
    ],
    [
      "40",
      "test/data/serve/http/http1.test.ts",
      "is repeated once on a new connection where the one that it took had ended",
    ],
    [
      "41",
      "test/data/serve/http/http1.test.ts",
      "is sent once where it must not be sent twice, and its first one takes",
    ],
    ["42", "test/integration/early-answers.test.ts", "reaches a client that is still sending"],
    [
      "42",
      "test/data/serve/http/http1.test.ts",
      "may come before the request is whole: then both connections end",
    ],
  ],
  "HTTP/2 of clients": [
    ["46", "test/soak/h2spec.test.ts", "h2spec finds nothing wrong"],
    ["46", "test/http/http2/server-rules.test.ts", "RFC "],
    [
      "47",
      "test/http/http2/abuse.test.ts",
      "rapid reset: a request whose reset comes in the same read is never heard of",
    ],
    ["47", "test/integration/http2-attacks.test.ts", "requests that are reset with them"],
    [
      "47",
      "test/integration/http2-clients.test.ts",
      "requests that are taken back as soon as they are made reach backends 100 times",
    ],
    [
      "48",
      "test/http/http2/abuse.test.ts",
      "resets that the server is made to send count in the same bucket",
    ],
    ["48", "test/integration/http2-attacks.test.ts", "requests that make umay reset them"],
    ["49", "test/http/http2/abuse.test.ts", "PING and SETTINGS: what they make the server answer is bounded"],
    ["49", "test/integration/http2-attacks.test.ts", "ends its connection, and no other"],
    ["50", "test/http/http2/abuse.test.ts", "a small block that stands for a large head is decoded"],
    ["51", "test/http/http2/abuse.test.ts", "more streams than were offered are refused"],
    ["52", "test/http/http2/server-rules.test.ts", "a malformed request is reset and never heard of"],
    ["52, 53", "test/integration/http-desync.test.ts", "payloads of HTTP/2"],
    ["53", "test/http/http2/server-rules.test.ts", "more DATA than Content-Length"],
    ["54", "test/http/http1/heads.test.ts", "joins Cookie fields"],
    ["55", "test/http/http2/exchange.test.ts", "a window of one byte"],
    [
      "55",
      "test/http/http2/client-rules.test.ts",
      "a window that was lowered below what was sent is negative",
    ],
    ["56", "test/http/http2/exchange.test.ts", "2,000 cancelled uploads credit the connection's window"],
    [
      "57",
      "test/http/http2/lifecycle.test.ts",
      "a connection that is closed, or ended from here, fails what is under way",
    ],
    [
      "57",
      "test/data/serve/http/http2-orders.test.ts",
      "whatever happens in whatever order: each stream has one answer",
    ],
    ["57", "test/integration/http2-web-socket.test.ts", "a client that goes resets the backend's side"],
    ["58", "test/http/http2/lifecycle.test.ts", "a drain tells the client twice"],
    [
      "58",
      "test/integration/http2-clients.test.ts",
      "at the end a client is told, and gets the answers that it waits for",
    ],
    [
      "58",
      "test/integration/http2-load.test.ts",
      "SIGTERM under load loses no request that was begun over HTTP/2",
    ],
    [
      "59",
      "test/integration/http2-clients.test.ts",
      "a backend that is reset within its answer makes an error of the stream",
    ],
    ["59", "test/http/http2/lifecycle.test.ts", "a response that is cut short is reset, never ended"],
    [
      "59",
      "test/integration/http2-backends.test.ts",
      "a backend that is lost is an error for those under way",
    ],
    ["60", "test/http/http2/server-rules.test.ts", "a response without a body ends with its head"],
    [
      "60",
      "test/integration/http2-backends.test.ts",
      "the scheme is that of the connection, 204 has no body",
    ],
  ],
  "HTTP/2 of backends, gRPC, WebSocket": [
    ["61", "test/integration/grpc.test.ts", "streams in either direction and in both at a time"],
    ["61", "test/soak/grpc-go.test.ts", "a client of grpc-go makes calls of every kind"],
    [
      "62",
      "test/http/http2/lifecycle.test.ts",
      "what waits for the window goes out in order, the trailers last",
    ],
    [
      "63",
      "test/integration/http2-backends.test.ts",
      "a request that backends refuse is sent up to five times more",
    ],
    [
      "63",
      "test/http/http2/client-rules.test.ts",
      "what a backend refused or never looked at may be sent elsewhere",
    ],
    ["63", "test/soak/http2-go.test.ts", "servers of Go that shut down under load"],
    [
      "64",
      "test/http/http2/client-rules.test.ts",
      "a window that was lowered below what was sent is negative",
    ],
    [
      "65",
      "test/model/check/http.test.ts",
      "a route for gRPC to a pool that speaks HTTP/1.1 alone is an error",
    ],
    ["66", "test/integration/http-change.test.ts", "a WebSocket passes both ways"],
    ["66", "test/integration/http2-web-socket.test.ts", "a backend that answers another key is not believed"],
    ["67", "test/http/http2/server-rules.test.ts", ":protocol with another method"],
    [
      "68",
      "test/http/http2/exchange.test.ts",
      "a stream whose receiver stands still does not stop the other ones",
    ],
    ["68", "test/integration/http2-backends.test.ts", "a client that does not read one answer gets others"],
  ],
  "What the engine keeps to": [
    [
      "1",
      "test/http/http1/backend.test.ts",
      "a full receiver holds the backend back, but not after the last part",
    ],
    [
      "2",
      "test/http/http2/exchange.test.ts",
      "bodies come byte for byte both ways, whatever the windows, pauses, parts and pieces; the ledgers balance",
    ],
    [
      "3",
      "test/http/http2/lifecycle.test.ts",
      "what waits for the window goes out in order, the trailers last",
    ],
    ["4", "test/http/scan.test.ts", "of a head that comes byte by byte"],
    [
      "5",
      "test/http/http1/heads.test.ts",
      "can be made of fields that were retained, after others have been read",
    ],
    [
      "6",
      "test/data/serve/http/retries.test.ts",
      "is sent once only without a retry table, and where it may not be sent twice",
    ],
    ["7", "test/http/http2/abuse.test.ts", "a small block that stands for a large head is decoded"],
    [
      "8",
      "test/http/http1/properties.test.ts",
      "what goes to a backend is one sound request for each, whatever the client sent",
    ],
    ["8, 9", "test/integration/http-desync.test.ts", "payloads of HTTP/2"],
    ["9", "test/http/http2/server-rules.test.ts", "Content-Length is the number that is known"],
    [
      "10",
      "test/data/serve/http/orders.test.ts",
      "whatever happens in whatever order: answers come once, in order and whole",
    ],
    ["11", "test/integration/http2-attacks.test.ts", "a client that breaks a rule can read which"],
    ["11", "test/integration/early-answers.test.ts", "reaches a client that is still sending"],
  ],
  "Lessons from other proxies": [
    [
      "1",
      "test/data/decide/http/decide.test.ts",
      "whatever the spelling, no request whose second reading is guarded",
    ],
    ["5", "test/http/uri.test.ts", "the host of an authority"],
    [
      "6",
      "test/http/http2/server-rules.test.ts",
      "what is sound as HTTP/2 and is still refused is told to who answers",
    ],
    ["6", "test/integration/http-desync.test.ts", "payloads of HTTP/2"],
    [
      "7",
      "test/data/decide/misdirected.test.ts",
      "is misdirected where the connection's own does not cover it",
    ],
    ["7", "test/integration/http-tls.test.ts", "a request for a host with another certificate gets 421"],
    ["8", "test/http/http1/heads.test.ts", "joins Cookie fields"],
    ["9", "test/integration/http-spoofing.test.ts", "a client cannot pass for another one"],
    [
      "10",
      "test/data/serve/http/forward-auth.test.ts",
      "what a client sends in the place of an auth is not there, on every route",
    ],
    ["11", "test/data/decide/http/changes.test.ts", "X-Forwarded-For "],
    [
      "11",
      "test/integration/http-spoofing.test.ts",
      "the addresses that a route lets in are those that a trusted peer names, from the right",
    ],
    [
      "12",
      "test/integration/http-bad-backends.test.ts",
      "the client learns of it, and no POST is sent twice",
    ],
    [
      "12",
      "test/data/serve/http/retries.test.ts",
      "is sent once only without a retry table, and where it may not be sent twice",
    ],
    [
      "13",
      "test/integration/http-kept.test.ts",
      "a backend that closes idle connections at any moment costs no request",
    ],
    ["14", "test/providers/toml/http/model.test.ts", "retry = {} does something"],
    ["15", "test/data/serve/http/retries.test.ts", "is within the budget of its pool"],
    [
      "16",
      "test/data/serve/http/retries.test.ts",
      "is not kept where it is too large: then it passes, and is sent once",
    ],
    [
      "17, 18",
      "test/data/serve/http/timeouts.test.ts",
      "that nobody set cuts no stream, no WebSocket and no slow upload",
    ],
    ["19", "test/data/serve/http/expectation.test.ts", "gets that of the backend, which is told of it"],
    [
      "19",
      "test/integration/http-proxy.test.ts",
      "a client that waits for 100 gets the backend's, or umay's after a second",
    ],
    ["22", "test/http/answer.test.ts", "is for gRPC a status among the fields"],
    ["23", "test/data/serve/http/http1.test.ts", "changes to WebSocket after a checked 101 alone"],
    ["23", "test/http/http1/heads.test.ts", "asks for websocket and for trailers, and for nothing else"],
    ["24", "test/data/decide/http/changes.test.ts", "a sticky cookie tells backends of pools apart"],
    [
      "25",
      "test/data/serve/http/mirror.test.ts",
      "is never waited for: neither its backend nor its failure holds anybody up",
    ],
    [
      "26",
      "test/integration/http-proxy.test.ts",
      "what is not served is answered by umay: once, with its reason",
    ],
    ["28", "test/data/decide/http/route-index.test.ts", "precedence is an order"],
    [
      "28",
      "test/model/check/http.test.ts",
      "two routes that take the same requests are an error that names both",
    ],
    ["30", "test/data/serve/http/cors.test.ts", "a preflight is answered by the route of its request"],
    [
      "30",
      "test/data/decide/http/cors.test.ts",
      "of another origin is answered without a word of what is allowed",
    ],
  ],
};
