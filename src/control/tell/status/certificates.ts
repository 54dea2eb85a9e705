import type { Certificate } from "../../../model/material.ts";

/** A certificate that is shown to clients or backends. */
export interface CertificateStatus {
  readonly subject: string;
  /** ISO 8601. */
  readonly not_after: string;
}

export const certificateStatus = ({ subject, notAfter }: Certificate): CertificateStatus => ({
  subject,
  not_after: new Date(notAfter).toISOString(),
});
