import { mediumBytes, type Work } from "./work.ts";

export const medium: Work = {
  name: "medium",
  title: "16 KiB responses, keep-alive",
  mode: "tcp",
  unit: "request",
  load: { path: "/medium", responseBytes: mediumBytes, uploadBytes: 0, connection: "kept", clients: 16 },
  rate: 2000,
};
