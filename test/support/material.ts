import type { Authorities, FileSource } from "../../src/model/material.ts";

export const fileSource = (file: string): FileSource => ({ kind: "file", file });

/** CAs as a model has them. @param pem of them. */
export const authorities = (pem: string, file = "ca.pem"): Authorities => ({
  source: fileSource(file),
  pem,
  members: [],
});
