/** Metrics of certificates that umay gets over ACME. */
export const acmeMetrics = {
  umay_acme_certificates: {
    type: "gauge",
    help: "Certificates that umay gets over ACME, by how it stands with them: waiting for the first, valid, due for renewal, failing.",
    labels: ["state"],
    unit: "",
  },
  umay_acme_next_attempt_timestamp_seconds: {
    type: "gauge",
    help: "When a certificate is next ordered over ACME, in Unix time.",
    labels: ["name"],
    unit: "seconds",
  },
  umay_acme_orders_total: {
    type: "counter",
    help: "Certificates that were ordered over ACME: obtained, or failed.",
    labels: ["result"],
    unit: "",
  },
} as const;
