import type { Load } from "../load/load.ts";
import { bulk } from "./bulk.ts";
import { upload } from "./upload.ts";
import { mediumBytes, smallBytes, type Work } from "./work.ts";

const kept: Pick<Load, "uploadBytes" | "connection"> = { uploadBytes: 0, connection: "kept" };
const small = { ...kept, path: "/small", responseBytes: smallBytes };
const medium = { ...kept, path: "/medium", responseBytes: mediumBytes };

/** A request of HTTP/2 that is forwarded to a backend of HTTP/2. */
const toHttp2: Work = {
  ...work(
    "h2-to-h2",
    "HTTP/2 to HTTP/2, 12 B, 10 connections × 10 streams",
    { ...small, clients: 10, streams: 10 },
    3_000,
  ),
  mode: "http2",
};

function work(name: string, title: string, load: Load, rate: number): Work {
  return { name, title, mode: "http", unit: "request", load, rate };
}

/** Requests that are forwarded to a backend of HTTP/1.1, over either version. */
export const httpWorks: readonly Work[] = [
  work("http-small", "HTTP/1.1, 12 B on 64 connections", { ...small, clients: 64 }, 3_000),
  work("http-medium", "HTTP/1.1, 16 KiB on 32 connections", { ...medium, clients: 32 }, 2_000),
  { ...bulk, name: "http-bulk", title: "HTTP/1.1, 4 MiB downloads", mode: "http" },
  { ...upload, name: "http-upload", title: "HTTP/1.1, 4 MiB uploads", mode: "http" },
  {
    ...work(
      "http-handshake",
      "HTTP/1.1, new connection, one request",
      { ...small, connection: "new", clients: 16 },
      200,
    ),
    unit: "connection",
  },
  work(
    "h2-small",
    "HTTP/2, 12 B, 10 connections × 10 streams",
    { ...small, clients: 10, streams: 10 },
    3_000,
  ),
  work("h2-one", "HTTP/2, 12 B, 1 connection × 100 streams", { ...small, clients: 1, streams: 100 }, 3_000),
  work(
    "h2-medium",
    "HTTP/2, 16 KiB, 10 connections × 10 streams",
    { ...medium, clients: 10, streams: 10 },
    2_000,
  ),
  toHttp2,
];
