import { readFileSync } from "node:fs";
import {
  type handleBidiStreamingCall,
  type handleClientStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  Metadata,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  status,
} from "@grpc/grpc-js";
import type { CertificatePair } from "./certificates.ts";

const same = (bytes: Buffer): Buffer => bytes;
const serializers = {
  requestSerialize: same,
  requestDeserialize: same,
  responseSerialize: same,
  responseDeserialize: same,
};

/** A service whose messages are bytes. */
export const echoService: ServiceDefinition = {
  unary: { path: "/test.Echo/Unary", requestStream: false, responseStream: false, ...serializers },
  server: { path: "/test.Echo/Server", requestStream: false, responseStream: true, ...serializers },
  client: { path: "/test.Echo/Client", requestStream: true, responseStream: false, ...serializers },
  bidi: { path: "/test.Echo/Bidi", requestStream: true, responseStream: true, ...serializers },
  never: { path: "/test.Echo/Never", requestStream: false, responseStream: false, ...serializers },
  fails: { path: "/test.Echo/Fails", requestStream: false, responseStream: false, ...serializers },
  flaky: { path: "/test.Echo/Flaky", requestStream: true, responseStream: true, ...serializers },
};

/** A call that the server has seen and that did not come to an end. */
export interface SeenCall {
  readonly deadline: Date | number;
  readonly cancelled: Promise<void>;
}

/** A server of gRPC. */
export class GrpcBackend implements AsyncDisposable {
  readonly address: string;
  readonly never: SeenCall[] = [];
  /** By their names: the calls of `Flaky`, each with the bytes of the messages that came. */
  readonly flaky = new Map<string, number[]>();
  readonly #server: Server;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.address = `127.0.0.1:${port}`;
  }

  static async start(tls?: CertificatePair): Promise<GrpcBackend> {
    const server = new Server({ "grpc.max_receive_message_length": -1 });
    const never: SeenCall[] = [];
    const flaky = new Map<string, number[]>();
    server.addService(echoService, { ...handlers, never: neverAnswered(never), flaky: flakyOnes(flaky) });
    const credentials =
      tls === undefined
        ? ServerCredentials.createInsecure()
        : ServerCredentials.createSsl(null, [
            { cert_chain: readFileSync(tls.cert), private_key: readFileSync(tls.key) },
          ]);
    const port = await new Promise<number>((resolve, reject) =>
      server.bindAsync("127.0.0.1:0", credentials, (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      ),
    );
    return Object.assign(new GrpcBackend(server, port), { never, flaky });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.forceShutdown();
  }
}

/** Answers with the message, and with the metadata that came. */
const unary: handleUnaryCall<Buffer, Buffer> = ({ request, metadata }, done) => {
  const trailers = new Metadata();
  for (const [name, value] of Object.entries(metadata.getMap()))
    if (name.startsWith("x-")) trailers.set(name, value);
  done(null, request, trailers);
};

/** Answers with as many messages as the request says. */
const serverStream: handleServerStreamingCall<Buffer, Buffer> = (call) => {
  const count = Number(call.request.toString());
  for (let index = 0; index < count; index++) call.write(Buffer.from(String(index)));
  call.end();
};

/** Answers with the number of bytes of all messages. */
const clientStream: handleClientStreamingCall<Buffer, Buffer> = (call, done) => {
  let length = 0;
  call.on("data", (message: Buffer) => {
    length += message.length;
  });
  call.on("end", () => done(null, Buffer.from(String(length))));
};

const bidi: handleBidiStreamingCall<Buffer, Buffer> = (call) => {
  call.on("data", (message: Buffer) => call.write(message));
  call.on("end", () => call.end());
};

const fails: handleUnaryCall<Buffer, Buffer> = (_call, done) =>
  done({ code: status.FAILED_PRECONDITION, details: "nicht möglich: ☃" });

const neverAnswered =
  (seen: SeenCall[]): handleUnaryCall<Buffer, Buffer> =>
  (call) => {
    const cancelled = new Promise<void>((resolve) => call.on("cancelled", resolve));
    seen.push({ deadline: call.getDeadline(), cancelled });
  };

/**
 * Reads all messages. Metadata says how: `x-name` of the call, `x-fails` how often it fails before it is answered with the
 * number of their bytes, with which `x-code`, and `x-late`, whether a message comes before that.
 */
const flakyOnes =
  (seen: Map<string, number[]>): handleBidiStreamingCall<Buffer, Buffer> =>
  (call) => {
    const text = (name: string): string => String(call.metadata.get(name)[0] ?? "");
    const calls = seen.get(text("x-name")) ?? [];
    seen.set(text("x-name"), calls);
    let length = 0;
    call.on("data", (message: Buffer) => {
      length += message.length;
    });
    call.on("end", () => {
      calls.push(length);
      if (calls.length > Number(text("x-fails"))) {
        call.write(Buffer.from(String(length)));
        call.end();
        return;
      }
      if (text("x-late") !== "") call.write(Buffer.from("begun"));
      call.emit("error", { code: Number(text("x-code")), details: `failure ${calls.length}` });
    });
  };

const handlers = { unary, server: serverStream, client: clientStream, bidi, fails };
