import type { Http2Server } from "node:http2";
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import {
  type handleBidiStreamingCall,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServiceDefinition,
} from "@grpc/grpc-js";

const bytes = (message: Buffer): Buffer => message;

const service: ServiceDefinition = {
  process: {
    path: "/envoy.service.ext_proc.v3.ExternalProcessor/Process",
    requestStream: true,
    responseStream: true,
    requestSerialize: bytes,
    requestDeserialize: bytes,
    responseSerialize: bytes,
    responseDeserialize: bytes,
  },
};

export type Call = ServerDuplexStream<Buffer, Buffer>;

/** A message of `ProcessingRequest`, as far as tests look at it. */
export interface Asked {
  /** Of the field: 2 and 3 are heads, 4 and 5 bodies, 6 and 7 trailers; the even ones are the request's. */
  readonly part: number;
  readonly fields: ReadonlyMap<string, string>;
  readonly body: Buffer;
  readonly last: boolean;
  readonly facts: boolean;
}

/** The blocks of a field of a message, in order. */
export function blocks(message: Uint8Array, wanted: number): Uint8Array[] {
  const reader = new BinaryReader(message);
  const found: Uint8Array[] = [];
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    if (number === wanted && type === WireType.LengthDelimited) found.push(reader.bytes());
    else reader.skip(type, number);
  }
  return found;
}

function flag(message: Uint8Array, wanted: number): boolean {
  const reader = new BinaryReader(message);
  let value = false;
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    if (number === wanted && type === WireType.Varint) value = reader.bool();
    else reader.skip(type, number);
  }
  return value;
}

export function readAsked(message: Uint8Array): Asked {
  const part = [2, 3, 4, 5, 6, 7].find((number) => blocks(message, number).length > 0) ?? 0;
  const content = blocks(message, part)[0] ?? new Uint8Array(0);
  const isBody = part === 4 || part === 5;
  const lines = isBody ? [] : blocks(blocks(content, 1)[0] ?? new Uint8Array(0), 1);
  return {
    part,
    fields: new Map(
      lines.map((line) => [
        Buffer.from(blocks(line, 1)[0] ?? []).toString(),
        Buffer.from(blocks(line, 3)[0] ?? blocks(line, 2)[0] ?? []).toString(),
      ]),
    ),
    body: Buffer.from(isBody ? (blocks(content, 1)[0] ?? []) : []),
    last: flag(content, isBody ? 2 : 3),
    facts: blocks(message, 9).length > 0,
  };
}

type Part = readonly [number: number, content: Uint8Array | string | number];

/** A message of fields: numbers and contents. */
export function message(...parts: readonly Part[]): Buffer {
  const writer = new BinaryWriter();
  for (const [number, content] of parts)
    if (typeof content === "number") writer.tag(number, WireType.Varint).int32(content);
    else writer.tag(number, WireType.LengthDelimited).bytes(Buffer.from(content));
  return Buffer.from(writer.finish());
}

/** A `HeaderValueOption`. @param action its `append_action`. */
const option = (key: string, value: string, action = 0): Uint8Array =>
  message([1, message([1, key], [3, value])], ...(action > 0 ? ([[3, action]] as const) : []));

/** A `HeaderMutation`. */
export const mutation = (set: Readonly<Record<string, string>>, remove: readonly string[] = []): Uint8Array =>
  message(
    ...Object.entries(set).map(([key, value]) => [1, option(key, value)] as const),
    ...remove.map((name) => [2, name] as const),
  );

/** The answer to a part with this `CommonResponse`. @param asked the part's field. */
export const answerTo = (asked: number, ...common: readonly Part[]): Buffer => {
  const answers: Readonly<Record<number, number>> = { 2: 1, 3: 2, 4: 3, 5: 4, 6: 5, 7: 6 };
  return message([answers[asked]!, message([1, message(...common)])]);
};

const upper = (body: Buffer): string => body.toString().toUpperCase();

/** The deed about one part. @returns undefined: nothing is answered. */
type Deed = (asked: Asked, call: Call) => Buffer | undefined | Promise<Buffer | undefined>;

const goOn: Deed = ({ part }) => answerTo(part);

/** A deed on one part, and nothing on the others. */
const on =
  (part: number, deed: Deed): Deed =>
  (asked, call) =>
    asked.part === part ? deed(asked, call) : goOn(asked, call);

const eachBody =
  (change: (body: Buffer) => string): Deed =>
  (asked, call) =>
    asked.part === 4 || asked.part === 5
      ? answerTo(asked.part, [3, message([1, change(asked.body)])])
      : goOn(asked, call);

/** Deeds by the field `x-do` of a request. */
const deeds: Readonly<Record<string, Deed>> = {
  head: ({ part }) =>
    part === 2
      ? answerTo(part, [
          2,
          Buffer.concat([
            mutation({ "x-added": "1", "x-envoy-own": "1", ":method": "PUT", "x-there": "new" }, [
              "x-secret",
            ]),
            message(
              [1, option("x-list", "two", 0)],
              [1, option("x-new", "only", 1)],
              [1, option("x-there", "no", 1)],
            ),
            message([1, option("x-none", "no", 3)], [1, option("x-both", "two", 2)]),
          ]),
        ])
      : answerTo(part, [2, mutation({ "x-answered": "yes" }, ["x-backend-secret"])]),
  tell: on(2, ({ part, fields, facts }) => {
    const wanted = [":method", ":path", ":authority", ":scheme", "x-user", "cookie"];
    const seen = wanted.map((name) => `${name}=${fields.get(name) ?? ""}`).join(" ");
    return answerTo(part, [2, mutation({ "x-seen": `${seen} facts=${facts}` })]);
  }),
  call: on(2, ({ part }, { metadata }) =>
    answerTo(part, [
      2,
      mutation({ "x-told": ["x-call", "x-more"].map((name) => metadata.get(name)).join() }),
    ]),
  ),
  path: on(2, ({ part }) => answerTo(part, [2, mutation({ ":path": "/head/changed?x=1" })])),
  route: on(2, ({ part }) => answerTo(part, [2, mutation({ "x-route": "b" })], [5, 1])),
  status: on(3, ({ part }) => answerTo(part, [2, mutation({ ":status": "201" })])),
  own: on(2, () =>
    message([7, message([1, message([1, 401])], [2, mutation({ "x-direct": "1" })], [3, "go away"])]),
  ),
  late: on(3, () =>
    message([7, message([1, message([1, 403])], [2, mutation({ "x-direct": "1" })], [3, "no"])]),
  ),
  upper: eachBody(upper),
  longer: eachBody((body) => `<${body.toString()}>`),
  clear: on(4, ({ part }) => answerTo(part, [3, message([2, 1])])),
  replace: on(2, ({ part }) => answerTo(part, [1, 1], [3, message([1, "replaced"])])),
  "replace-answer": on(3, ({ part }) =>
    answerTo(part, [1, 1], [2, mutation({ "x-direct": "1" }, ["x-backend"])], [3, message([1, "replaced"])]),
  ),
  mode: (asked, call) =>
    asked.part === 2
      ? Buffer.concat([answerTo(2), message([9, message([3, 2])])])
      : asked.part === 4
        ? answerTo(4, [2, mutation({ "x-buffered": String(asked.body.length) })])
        : goOn(asked, call),
  slow: on(2, async ({ part }, call) => {
    call.write(message([10, message([1, 15])]));
    await new Promise((resolve) => setTimeout(resolve, 3_500));
    return answerTo(part);
  }),
  hang: on(2, () => undefined),
  "hang-answer": on(3, () => undefined),
  close: on(2, (_asked, call) => {
    call.end();
    return undefined;
  }),
  fail: on(2, (_asked, call) => {
    call.emit("error", { code: 13, details: "no" });
    return undefined;
  }),
  order: on(2, () => answerTo(3)),
  odd: on(2, ({ part }) => answerTo(part, [2, mutation({ "x y": "1" })])),
  duplex: ({ part, body, last }) =>
    part === 4 || part === 5
      ? answerTo(part, [3, message([3, message([1, upper(body)], ...(last ? ([[2, 1]] as const) : []))])])
      : answerTo(part),
};

/** A server that has a say in requests: what it does depends on the field `x-do`. */
export class TestProcessor implements Disposable {
  readonly port: number;
  /** Calls that are under way. */
  readonly calls = new Set<Call>();
  /** How many calls their client has reset. */
  readonly resets = { count: 0 };
  readonly #server: Server;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  /** @param given in place of the deeds by `x-do`. */
  static async start(given?: Deed): Promise<TestProcessor> {
    const server = new Server();
    const calls = new Set<Call>();
    const resets = { count: 0 };
    const process: handleBidiStreamingCall<Buffer, Buffer> = (call) => {
      let deed: Deed = given ?? goOn;
      // One after the other.
      let before = Promise.resolve();
      calls.add(call);
      call.on("data", (content: Buffer) => {
        const asked = readAsked(content);
        if (asked.part === 2 && given === undefined) deed = deeds[asked.fields.get("x-do") ?? ""] ?? goOn;
        before = before.then(async () => {
          const answer = await deed(asked, call);
          if (answer !== undefined && !call.destroyed) call.write(answer);
        });
      });
      call.on("end", () => call.end());
      for (const event of ["close", "cancelled", "error"]) call.on(event, () => calls.delete(call));
    };
    server.addService(service, { process });
    const port = await new Promise<number>((resolve, reject) =>
      server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      ),
    );
    // The library does not tell a reset from an end.
    for (const http2 of (Reflect.get(server, "http2Servers") as Map<Http2Server, unknown>).keys())
      http2.on("stream", (stream) =>
        stream.on("close", () => {
          if (stream.rstCode !== 0) resets.count++;
        }),
      );
    return Object.assign(new TestProcessor(server, port), { calls, resets });
  }

  [Symbol.dispose](): void {
    this.#server.forceShutdown();
  }
}
