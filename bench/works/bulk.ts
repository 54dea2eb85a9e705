import { bulkBytes, type Work } from "./work.ts";

export const bulk: Work = {
  name: "bulk",
  title: "4 MiB responses, keep-alive",
  mode: "tcp",
  unit: "request",
  load: { path: "/bulk", responseBytes: bulkBytes, uploadBytes: 0, connection: "kept", clients: 8 },
  rate: 40,
};
