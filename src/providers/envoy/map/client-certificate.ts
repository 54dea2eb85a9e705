import type { Node } from "../node.ts";
import type { FieldStep } from "./fields.ts";

const name = "x-forwarded-client-cert";

/**
 * The steps for X-Forwarded-Client-Cert, before anything else changes fields.
 * @param mutual whether every client has shown a certificate.
 */
export function certificateSteps(manager: Node | undefined, mutual: boolean): readonly FieldStep[] {
  const value = [{ variable: "tls.client.xfcc" }] as const;
  switch (manager?.text("forward_client_cert_details")) {
    case "ALWAYS_FORWARD_ONLY":
      return [];
    case "FORWARD_ONLY":
      return mutual ? [] : [{ name, action: "remove", value: [] }];
    case "APPEND_FORWARD":
      return mutual ? [{ name, action: "append", value }] : [{ name, action: "remove", value: [] }];
    case "SANITIZE_SET":
      return [{ name, action: "overwrite", value }];
    default:
      return [{ name, action: "remove", value: [] }];
  }
}
