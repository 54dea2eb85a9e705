import { createSecureContext, type SecureContextOptions } from "node:tls";
import { reason } from "./pem.ts";

/** Why OpenSSL does not take these settings together; undefined: it does. */
export function contextRefusal(options: SecureContextOptions): string | undefined {
  try {
    createSecureContext(options);
    return undefined;
  } catch (error) {
    return reason(error);
  }
}
