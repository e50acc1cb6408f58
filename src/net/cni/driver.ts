import { invalid } from "../../errors.ts";
import type {
  CniCapabilities,
  CniNic,
  JsonObject,
  NetExecution,
  NetStep,
  NicContext,
  NicDriver,
  NicPlan,
  PublishedPort,
} from "../../spec/index.ts";
import {
  type AttachmentFiles,
  attachmentFiles,
  CNI_DIRECTORY,
  readOutput,
  writeInput,
  writeResult,
} from "./attachment.ts";
import { type CniAttachment, type CniCommand, environment, execution, undoing, unheard } from "./execution.ts";
import { CONF_DIRS, findNetwork, findPlugin, pluginDirs } from "./find.ts";
import { type CniNetwork, parseNetwork } from "./network.ts";
import { resultOf } from "./result.ts";

const DEFAULT_TIMEOUT = 60;
/** What plugins find their own programs with: iptables, ipset, sysctl. */
const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * The interface that a chain of plugins makes. The monitor executes them one after the other, and the application, which is asked in between, hands the result of
 * each to the next. What undoes it all needs no application: the inputs for that are files by then.
 */
export const cni = (nic: CniNic): NicDriver => ({ type: "cni", plan: (context) => plan(nic, context) });

function plan(given: CniNic, { name, member, containerId, stateDirectory, restarts, ports }: NicContext): NicPlan {
  if (restarts) {
    const hint = "the application, which hands the results of plugins on, may be gone by then";
    throw invalid(member, "cni", "another type, as the container is started again by its monitor", hint);
  }
  const network = findOrParse(given, `${member}.network`);
  const nic = withPorts(given, network, ports);
  const { capabilities = {}, args = {}, timeout = DEFAULT_TIMEOUT } = nic;
  checkForPlugins(network, nic, member);
  const dirs = pluginDirs(nic.pluginDirs);
  const files = attachmentFiles(`${stateDirectory}/${CNI_DIRECTORY}`, `${containerId}-${name}`, network.plugins.length);
  const attachment: CniAttachment = {
    containerId,
    ifname: name,
    netns: files.netns,
    args,
    pluginDirs: dirs,
    env: { PATH: process.env.PATH ?? DEFAULT_PATH, ...nic.env },
  };
  const programs = network.plugins.map(({ type }, index) =>
    findPlugin(type, dirs, `${member}.network.plugins[${index}]`),
  );
  return planAttachment({ capabilities, timeout, network, files, attachment, programs, member });
}

/** Published ports are what plugins know as the capability portMappings. */
function withPorts(nic: CniNic, network: CniNetwork, ports: readonly PublishedPort[]): CniNic {
  if (ports.length === 0) return nic;
  if (unheard(network, { portMappings: [] }).length > 0) {
    const expected = `none, as no plugin of ${network.name} has the capability portMappings`;
    throw invalid("ports", ports.length, expected, "the plugin portmap has it");
  }
  const mappings = ports.flatMap(({ hostPort = 0, containerPort, protocol = "tcp", hostIP, range = 1 }) =>
    Array.from({ length: range }, (_, step) => ({
      hostPort: hostPort + step,
      containerPort: containerPort + step,
      protocol,
      ...(hostIP === undefined ? {} : { hostIP }),
    })),
  );
  const { capabilities = {} } = nic;
  return {
    ...nic,
    capabilities: { ...capabilities, portMappings: [...(capabilities.portMappings ?? []), ...mappings] },
  };
}

/** What would be lost without a word, or misunderstood. */
function checkForPlugins(network: CniNetwork, { capabilities = {}, args = {} }: CniNic, member: string): void {
  const [lost] = unheard(network, capabilities);
  if (lost !== undefined) {
    const expected = `a capability that a plugin of ${network.name} has`;
    throw invalid(`${member}.capabilities.${lost}`, capabilities[lost], expected);
  }
  const wrong = Object.entries(args).find(([, value]) => value.includes(";"));
  if (wrong) throw invalid(`${member}.args.${wrong[0]}`, wrong[1], 'a text without ";", which ends an argument');
}

interface Parts {
  readonly capabilities: CniCapabilities;
  readonly timeout: number;
  readonly network: CniNetwork;
  readonly files: AttachmentFiles;
  readonly attachment: CniAttachment;
  readonly programs: readonly string[];
  readonly member: string;
}

function findOrParse({ network, confDirs = CONF_DIRS }: CniNic, member: string): CniNetwork {
  return typeof network === "string" ? findNetwork(network, confDirs, member) : parseNetwork(network, member);
}

function planAttachment(parts: Parts): NicPlan {
  const { network, files } = parts;
  const tearDown = undo(parts);
  const setUp: readonly NetStep[] = [
    { do: "lock", path: files.lock, byte: 0, create: true, why: "tell others that it is in use" },
    { do: "mkdir", path: files.directory, why: `remember what is attached to ${network.name}` },
    { do: "write", path: files.steps, content: `${JSON.stringify(tearDown)}\n`, why: "write down how it is undone" },
    { do: "pin", path: files.netns, why: "give the network namespace a name for the plugins" },
    { do: "ask", question: 0, why: "begin with the first plugin" },
    ...network.plugins.flatMap((_, index): NetStep[] => [
      executePlugin("ADD", index, parts),
      { do: "ask", question: index + 1, why: "look at the result" },
    ]),
  ];
  return { setUp, tearDown, answer: (question, status) => answer(parts, question, status) };
}

function executePlugin(
  command: CniCommand,
  index: number,
  { timeout, network, files, attachment, programs }: Parts,
): NetExecution {
  const of = files.plugins[index];
  const path = programs[index];
  if (!of || path === undefined) throw new RangeError(`there is no plugin ${index}`);
  return {
    do: "execute",
    path,
    env: environment(command, attachment),
    input: command === "ADD" ? of.add : of.del,
    output: of.output,
    errors: of.errors,
    timeout,
    why: `${command} of the CNI plugin ${network.plugins[index]?.type} of network ${network.name}`,
  };
}

/** In the reverse order, and the names last of all. */
function undo(parts: Parts): readonly NetStep[] {
  const { network, files } = parts;
  const why = `forget what was attached to ${network.name}`;
  const remove = (path: string): NetStep => ({ do: "remove", path, why });
  const plugins = files.plugins.flatMap(({ add, del, output, errors }) => [add, del, `${del}.new`, output, errors]);
  return [
    ...network.plugins.map((_, index) => executePlugin("DEL", network.plugins.length - 1 - index, parts)),
    { do: "unpin", path: files.netns, why: "let the network namespace go" },
    ...[...plugins, files.result, `${files.result}.new`, files.steps].map(remove),
    { do: "remove", path: files.directory, directory: true, why },
    remove(files.lock),
  ];
}

/** Before the first plugin, between two, after the last: what has come out of the one before becomes the input of the next. */
function answer({ capabilities, network, files, member }: Parts, question: number, status: number): void {
  const result = question === 0 ? undefined : outcome({ network, files, member }, question - 1, status);
  // After a failure all of them are asked to clean up, even those that were not executed (CNI specification, "Network Configuration List Error Handling").
  if (question === 0 || question === network.plugins.length) {
    for (const [index, plugin] of network.plugins.entries()) {
      writeInput(files.plugins[index]?.del, undoing(network, plugin, capabilities, result));
    }
  }
  const next = network.plugins[question];
  if (next) writeInput(files.plugins[question]?.add, execution(network, next, capabilities, result));
  else if (result) writeResult(files, { network, capabilities, result });
}

function outcome(
  { network, files, member }: Pick<Parts, "network" | "files" | "member">,
  index: number,
  status: number,
): JsonObject {
  const plugin = network.plugins[index]?.type ?? "";
  const { output, errors } = files.plugins[index] ?? { output: "", errors: "" };
  return resultOf({
    command: "ADD",
    plugin,
    network: network.name,
    member,
    status,
    output: readOutput(output),
    complaint: readOutput(errors),
  });
}
