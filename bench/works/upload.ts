import { bulkBytes, smallBytes, type Work } from "./work.ts";

export const upload: Work = {
  name: "upload",
  title: "4 MiB uploads, keep-alive",
  mode: "tcp",
  unit: "upload",
  load: {
    path: "/upload",
    responseBytes: smallBytes,
    uploadBytes: bulkBytes,
    connection: "kept",
    clients: 8,
  },
  rate: 30,
};
