import { invalid, LibctError } from "../../errors.ts";
import { OCI_VERSION } from "../../spec/index.ts";

/** The oldest version and the newest whose members are all known here. */
export const OCI_VERSION_MIN = "1.0.0";

/** Semantic Versioning 2.0.0 */
const SEMVER = /^(\d+)\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$/;

/** "retains forward and backward compatibility within major versions": a newer 1.x may have members that are not known here, which are ignored. */
export function checkVersion(version: string): void {
  const major = SEMVER.exec(version)?.[1];
  if (major === undefined) throw invalid("ociVersion", version, `a version such as "${OCI_VERSION}"`);
  if (major === "1") return;
  throw new LibctError("ERR_CT_NOT_SUPPORTED", `version ${version} of the OCI runtime-spec is not known`, {
    member: "ociVersion",
    hint: `known are ${OCI_VERSION_MIN} to ${OCI_VERSION}, and later ones that begin with "1."`,
  });
}
