import { createPrivateKey, X509Certificate } from "node:crypto";
import type { Obtained } from "./obtain.ts";
import { AcmeError } from "./problem.ts";

/** Whether an authority has answered with what was asked for: nothing else takes the place of what is served. @throws AcmeError where not. */
export function checkObtained(
  { chain, key }: Obtained,
  names: readonly string[],
  now: number = Date.now(),
): void {
  const leaf = readLeaf(chain);
  if (!leaf.checkPrivateKey(createPrivateKey(key)))
    throw new AcmeError("the certificate that the authority sent is for another key");
  for (const name of names)
    if (leaf.checkHost(name) === undefined)
      throw new AcmeError(`the certificate that the authority sent does not cover ${name}`);
  if (leaf.validToDate.getTime() <= now)
    throw new AcmeError(`the certificate that the authority sent ended on ${leaf.validToDate.toISOString()}`);
  if (leaf.validFromDate.getTime() > now)
    throw new AcmeError(
      `the certificate that the authority sent is not valid before ${leaf.validFromDate.toISOString()}; check this machine's clock`,
    );
}

function readLeaf(chain: string): X509Certificate {
  try {
    return new X509Certificate(chain);
  } catch {
    throw new AcmeError("the authority sent something that is no certificate");
  }
}
