import * as protocol from "../src/program/protocol.ts";

/** The text of native/protocol.h: every constant of src/program/protocol.ts as an enum member. */
export function protocolHeader(): string {
  const tables = {
    OP: protocol.OP,
    KIND: protocol.KIND,
    FLAG: protocol.OP_FLAG,
    REQUEST: protocol.REQUEST,
    EVENT: protocol.EVENT,
    LIMIT: protocol.LIMIT,
  };
  const lines = [
    "/* Generated from src/program/protocol.ts by scripts/generate-protocol.ts. Do not edit. */",
    "#ifndef CT_PROTOCOL_H",
    "#define CT_PROTOCOL_H",
    `#define CT_PROGRAM_MAGIC 0x${protocol.PROGRAM_MAGIC.toString(16)}u`,
    `#define CT_PROTOCOL_VERSION ${protocol.PROTOCOL_VERSION}u`,
  ];
  for (const [prefix, table] of Object.entries(tables)) {
    lines.push("", "enum {");
    for (const [name, value] of Object.entries(table)) lines.push(`  CT_${prefix}_${name} = ${value},`);
    lines.push("};");
  }
  return [...lines, "", "#endif", ""].join("\n");
}
