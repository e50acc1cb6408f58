// Writes native/protocol.h from src/program/protocol.ts: `bun scripts/generate-protocol.ts`.
import { writeFileSync } from "node:fs";
import { protocolHeader } from "./protocol-header.ts";

writeFileSync(new URL("../native/protocol.h", import.meta.url), protocolHeader());
