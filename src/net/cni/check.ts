import { statSync } from "node:fs";
import { LibctError } from "../../errors.ts";
import type { NetExecution, PlannedNic } from "../../spec/index.ts";
import { findLeftAttachments, readOutput, readResult, writeInput } from "./attachment.ts";
import { execution } from "./execution.ts";
import { isVersionSince } from "./network.ts";
import { checkOutcome } from "./result.ts";

/** Asks the plugins whether what they have made is as it should be (CNI specification, CHECK). `namespace`: the path of the container's network namespace. */
export function planCheck(stateDirectory: string, namespace: string, name: string): PlannedNic {
  const member = `nics.${name}`;
  const { ino } = statSync(namespace);
  for (const { directory, tearDown } of findLeftAttachments(stateDirectory)) {
    // In the order of ADD: what undoes it goes backwards.
    const plugins = tearDown.filter((step): step is NetExecution => step.do === "execute").reverse();
    if (plugins[0]?.env.CNI_IFNAME !== name || inodeOf(`${directory}/netns`) !== ino) continue;
    return checkAttachment(directory, plugins, member);
  }
  throw new LibctError("ERR_CT_STATE", `no CNI plugins have made the interface ${name}`, { member });
}

function inodeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}

function checkAttachment(directory: string, plugins: readonly NetExecution[], member: string): PlannedNic {
  const kept = readResult(directory);
  if (!kept) throw new LibctError("ERR_CT_STATE", "the plugins have not finished yet", { member });
  const { network, result } = kept;
  const why = network.disableCheck
    ? `the network ${network.name} does not want to be checked (disableCheck)`
    : `the network ${network.name} has version ${network.cniVersion}: CHECK came with 0.4.0`;
  if (network.disableCheck || !isVersionSince(network, "0.4.0"))
    throw new LibctError("ERR_CT_NOT_SUPPORTED", why, { member });
  const steps = plugins.map(
    (step, index): NetExecution => ({
      ...step,
      env: { ...step.env, CNI_COMMAND: "CHECK" },
      // That of ADD has been read.
      input: `${directory}/${index}.add`,
      why: step.why.replace(/^DEL /, "CHECK "),
    }),
  );
  return {
    member,
    setUp: [
      { do: "ask", question: 0, why: "begin with the first plugin" },
      ...steps.flatMap((step, index) => [
        step,
        { do: "ask", question: index + 1, why: "look at what it says" } as const,
      ]),
    ],
    answer: (question, status) => {
      const before = plugins[question - 1];
      const type = network.plugins[question - 1]?.type ?? "";
      if (before) {
        checkOutcome({
          command: "CHECK",
          plugin: type,
          network: network.name,
          member,
          status,
          output: readOutput(before.output),
          complaint: readOutput(before.errors),
        });
      }
      const next = network.plugins[question];
      if (next) writeInput(steps[question]?.input, execution(network, next, kept.capabilities, result));
    },
  };
}
