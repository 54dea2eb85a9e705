import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

export interface Dashboard {
  readonly html: string;
  /** Content-Security-Policy: its own script and style, what its own server says, and nothing else. */
  readonly policy: string;
}

let read: Dashboard | undefined;

/** The page that shows `/status` live. It is read at the first request for it. */
export function dashboard(): Dashboard {
  read ??= withPolicy(readFileSync(new URL("../admin/dashboard.html", import.meta.url), "utf8"));
  return read;
}

function withPolicy(html: string): Dashboard {
  const hashOf = (tag: string): string => {
    const [, text = ""] = new RegExp(`<${tag}>(.*?)</${tag}>`, "s").exec(html) ?? [];
    return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
  };
  const policy = [
    "default-src 'none'",
    `script-src ${hashOf("script")}`,
    `style-src ${hashOf("style")}`,
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ];
  return { html, policy: policy.join("; ") };
}
