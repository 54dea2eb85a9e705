import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import {
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServiceDefinition,
  type sendUnaryData,
} from "@grpc/grpc-js";

const bytes = (message: Buffer): Buffer => message;

const service: ServiceDefinition = {
  check: {
    path: "/envoy.service.auth.v3.Authorization/Check",
    requestStream: false,
    responseStream: false,
    requestSerialize: bytes,
    requestDeserialize: bytes,
    responseSerialize: bytes,
    responseDeserialize: bytes,
  },
};

/** The blocks of a field of a message, in order. */
function blocks(message: Uint8Array, wanted: number): Uint8Array[] {
  const reader = new BinaryReader(message);
  const found: Uint8Array[] = [];
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    if (number === wanted) found.push(reader.bytes());
    else reader.skip(type, number);
  }
  return found;
}

const text = (block: Uint8Array | undefined): string => Buffer.from(block ?? []).toString();

/** A message of blocks: numbers and contents. */
function message(...parts: readonly (readonly [number: number, content: Uint8Array | string])[]): Uint8Array {
  const writer = new BinaryWriter();
  for (const [number, content] of parts)
    writer.tag(number, WireType.LengthDelimited).bytes(Buffer.from(content));
  return writer.finish();
}

/** A message with one number in its field 1. */
const number = (value: number): Uint8Array =>
  new BinaryWriter().tag(1, WireType.Varint).int32(value).finish();

const option = (key: string, value: string, appends = false): Uint8Array =>
  message([1, message([1, key], [2, value])], ...(appends ? ([[2, number(1)]] as const) : []));

/** A server that umay and Envoy ask about requests over gRPC: what it says depends on the field `x-user`. */
export class GrpcJudge implements Disposable {
  readonly port: number;
  readonly #server: Server;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  static async start(): Promise<GrpcJudge> {
    const server = new Server();
    server.addService(service, {
      check: (call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) =>
        done(null, Buffer.from(verdictOn(call.request, String(call.metadata.get("x-call"))))),
    });
    const port = await new Promise<number>((resolve, reject) =>
      server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      ),
    );
    return new GrpcJudge(server, port);
  }

  [Symbol.dispose](): void {
    this.#server.forceShutdown();
  }
}

/** @param told a field of the call. */
function verdictOn(request: Uint8Array, told: string): Uint8Array {
  const [attributes] = blocks(request, 1);
  const [http] = blocks(blocks(attributes!, 4)[0]!, 2);
  const headers = new Map(
    blocks(http!, 3).map((entry) => [text(blocks(entry, 1)[0]), text(blocks(entry, 2)[0])]),
  );
  const asked = `${text(blocks(http!, 2)[0])} ${text(blocks(http!, 5)[0])} ${text(blocks(http!, 4)[0])}`;
  switch (headers.get("x-user")) {
    case "good":
      return message(
        [1, ""],
        [
          3,
          message(
            [2, option("x-known", asked)],
            [2, option("x-list", "two", true)],
            [5, "x-secret"],
            [6, option("x-checked", "yes")],
          ),
        ],
      );
    case "told":
      return message([1, ""], [3, message([2, option("x-told", told)])]);
    case "body": {
      const body = Buffer.from(blocks(http!, 12)[0] ?? blocks(http!, 11)[0] ?? []).toString("hex");
      const context = blocks(attributes!, 10).map(
        (each) => `${text(blocks(each, 1)[0])}=${text(blocks(each, 2)[0])}`,
      );
      const seen = [
        body,
        headers.get("x-envoy-auth-partial-body"),
        headers.get("x-hidden"),
        ...context,
      ].join();
      return message([1, ""], [3, message([2, option("x-told", seen)])]);
    }
    case "bad":
      return message(
        [1, number(7)],
        [2, message([1, number(401)], [2, option("x-why", "unknown")], [3, "go away"])],
      );
    default:
      return message([1, number(16)]);
  }
}
