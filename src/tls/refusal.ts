import { createSecureContext, type SecureContextOptions } from "node:tls";

/** Why OpenSSL does not take these settings together; undefined when it does. */
export function contextRefusal(options: SecureContextOptions): string | undefined {
  try {
    createSecureContext(options);
    return undefined;
  } catch (error) {
    return reason(error);
  }
}

/** OpenSSL's words without its error numbers. */
export function reason(error: unknown): string {
  const { message } = error as Error;
  return message.replace(/^error:[0-9A-F]+:/, "").replaceAll("::", ": ");
}
